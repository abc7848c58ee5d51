package dynaxx.djl;

/** What a traced block did that dynaxx does not know. */
final class Refusal extends UnsupportedOperationException {

  private static final long serialVersionUID = 1L;

  Refusal(String message) {
    super(message);
  }
}
