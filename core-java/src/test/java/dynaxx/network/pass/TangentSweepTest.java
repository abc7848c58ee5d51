package dynaxx.network.pass;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.model.VisionTransformer;
import dynaxx.network.Network;
import org.junit.jupiter.api.Test;

class TangentSweepTest {

  private static Network transformer(int depth) {
    return new VisionTransformer()
        .image(1, 14, 14)
        .patch(7)
        .embedding(16)
        .depth(depth)
        .heads(2)
        .hidden(32)
        .build();
  }

  /** No tangent outlives its last consumer, so there are no more slots in a deeper network. */
  @Test
  void memoryOfQuadraticFormsDoesNotGrowWithDepth() {
    Network shallow = transformer(2);
    Network deep = transformer(12);
    TangentSweep.Kind forms = TangentSweep.Kind.QUADRATIC;
    assertEquals(
        TangentSweep.bytesPerExample(shallow, forms), TangentSweep.bytesPerExample(deep, forms));
    TangentSweep.Kind gaussNewton = TangentSweep.Kind.GAUSS_NEWTON;
    assertEquals(
        TangentSweep.bytesPerExample(shallow, gaussNewton),
        TangentSweep.bytesPerExample(deep, gaussNewton));
    assertEquals(FisherSweep.bytesPerExample(shallow), FisherSweep.bytesPerExample(deep));
    TangentSweep.Kind products = TangentSweep.Kind.PRODUCT;
    assertTrue(
        TangentSweep.bytesPerExample(deep, products)
            > 4 * TangentSweep.bytesPerExample(shallow, products));
  }

  /**
   * For each of 5 tokens and 16 columns: two norms (2), queries, keys and values (3), attention
   * (1), two sums (2), hidden units and what GELU gives (2 x 2), and one number for each token of
   * attention's 2 heads. What the sums add up ends with them.
   */
  @Test
  void aBlockKeepsTheTangentsThatAreReadAgain() {
    TangentSweep.Kind products = TangentSweep.Kind.PRODUCT;
    long deep = TangentSweep.bytesPerExample(transformer(7), products);
    long shallow = TangentSweep.bytesPerExample(transformer(2), products);
    assertEquals(12 + 2 / 16.0, (deep - shallow) / (double) (5 * Float.BYTES * 5 * 16), 1e-9);
  }
}
