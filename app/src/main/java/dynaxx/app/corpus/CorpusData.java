package dynaxx.app.corpus;

import dynaxx.app.data.FashionMnist;
import dynaxx.app.data.Passages;
import dynaxx.app.data.SmallImages;

/** The data of all runs, read once and never changed. */
final class CorpusData {

  static final int MOST_EXAMPLES = 1024;
  static final int VALIDATION = 256;

  private CorpusData() {}

  record Images(SmallImages training, SmallImages validation) {
    static Images of(FashionMnist all, int factor) {
      return new Images(
          SmallImages.of(all.train(), MOST_EXAMPLES, factor),
          SmallImages.of(all.test(), VALIDATION, factor));
    }
  }

  /** Read when first asked for. */
  private static final class Shared {
    private static final FashionMnist ALL = FashionMnist.embedded();
    private static final Images SMALL = Images.of(ALL, 2);
    private static final Images TINY = Images.of(ALL, 4);
  }

  /** 14 x 14. */
  static Images small() {
    return Shared.SMALL;
  }

  /** 7 x 7. */
  static Images tiny() {
    return Shared.TINY;
  }

  static Passages.Parts text(int length) {
    return Passages.embedded(length);
  }
}
