package dynaxx.app.data;

import dynaxx.app.train.Examples;
import dynaxx.memory.HostBuffer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.GZIPInputStream;

/**
 * Passages of a text, to be continued character by character: the target of each character is the
 * next one. The text is the Book of Genesis in the King James Version of 1611; see the file beside
 * it.
 */
public final class Passages implements Examples {

  private static final String RESOURCE = "genesis/genesis.txt.gz";

  /** Characters between the beginnings of two passages. */
  private static final int STRIDE = 8;

  /** Part of the text that is kept for validation, at its end. */
  private static final double HELD_BACK = 0.1;

  private final byte[] text;
  private final String characters;
  private final int length;

  private Passages(byte[] text, String characters, int length) {
    this.text = text;
    this.characters = characters;
    this.length = length;
  }

  /** Passages for training and for validation, from different parts of the text. */
  public record Parts(Passages train, Passages validation) {}

  /**
   * Cuts the text that comes with dynaxx.
   *
   * @param length characters of a passage
   */
  public static Parts embedded(int length) {
    try (InputStream in = Passages.class.getResourceAsStream(RESOURCE);
        GZIPInputStream text = new GZIPInputStream(in)) {
      return parts(new String(text.readAllBytes(), StandardCharsets.US_ASCII), length);
    } catch (IOException e) {
      throw new DatasetException(RESOURCE + ": cannot be read (" + e.getMessage() + ")");
    }
  }

  private static Parts parts(String text, int length) {
    String characters =
        text.chars()
            .distinct()
            .sorted()
            .collect(StringBuilder::new, (b, c) -> b.append((char) c), StringBuilder::append)
            .toString();
    byte[] numbers = new byte[text.length()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (byte) characters.indexOf(text.charAt(i));
    }
    int train = (int) (numbers.length * (1 - HELD_BACK));
    byte[] rest = new byte[numbers.length - train];
    System.arraycopy(numbers, train, rest, 0, rest.length);
    byte[] first = java.util.Arrays.copyOf(numbers, train);
    return new Parts(
        new Passages(first, characters, length), new Passages(rest, characters, length));
  }

  /** Every character of the text once, in the order of their numbers. */
  public String characters() {
    return characters;
  }

  @Override
  public int count() {
    return (text.length - length - 1) / STRIDE + 1;
  }

  @Override
  public long inputSize() {
    return length;
  }

  @Override
  public long targetSize() {
    return length;
  }

  @Override
  public void write(int[] indices, HostBuffer inputs, HostBuffer targets) {
    long at = 0;
    for (int index : indices) {
      int start = index * STRIDE;
      for (int i = 0; i < length; i++, at++) {
        inputs.set(at, text[start + i]);
        targets.set(at, text[start + i + 1]);
      }
    }
  }
}
