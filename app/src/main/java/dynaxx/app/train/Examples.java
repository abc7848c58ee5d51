package dynaxx.app.train;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Numbered examples with their targets. */
public interface Examples {

  /** How many there are. */
  int count();

  /** Input values of an example. */
  long inputSize();

  /** Targets of an example: one for each prediction, or one for each output. */
  long targetSize();

  /**
   * Writes some of them, one after the other.
   *
   * @param indices which
   * @param inputs receives {@link #inputSize} values of each
   * @param targets receives {@link #targetSize} class numbers of each, or values wanted of the
   *     outputs
   */
  void write(int[] indices, HostBuffer inputs, HostBuffer targets);

  /** SHA-256 of all of them, in hexadecimal digits. */
  default String sha256() {
    try (Scope scope = Scope.open()) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      int[] one = new int[1];
      HostBuffer inputs = scope.allocate(inputSize());
      HostBuffer targets = scope.allocate(targetSize());
      for (int i = 0; i < count(); i++) {
        one[0] = i;
        write(one, inputs, targets);
        digest.update(inputs.segment().asByteBuffer());
        digest.update(targets.segment().asByteBuffer());
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
