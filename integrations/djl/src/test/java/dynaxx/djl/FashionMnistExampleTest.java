package dynaxx.djl;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class FashionMnistExampleTest {

  @Test
  void aShortRunLearns() throws Exception {
    double loss = FashionMnistExample.run(512, 3, 32);
    assertTrue(loss < 2.2, () -> "found a loss of " + loss + ", expected below ln 10 = 2.3");
  }
}
