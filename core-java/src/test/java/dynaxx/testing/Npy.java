package dynaxx.testing;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the little-endian, C-ordered .npy files of the test cases as doubles. */
public final class Npy {

  private static final Pattern DESCRIPTION =
      Pattern.compile("'descr': '[<|](..)', 'fortran_order': False");

  private Npy() {}

  public static double[] read(String resource) {
    try (InputStream in = Npy.class.getResourceAsStream("/dynaxx/cases/" + resource)) {
      ByteBuffer bytes = ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
      int header = bytes.getShort(8);
      String text = new String(bytes.array(), 10, header, StandardCharsets.US_ASCII);
      Matcher matcher = DESCRIPTION.matcher(text);
      if (!matcher.find()) {
        throw new IllegalArgumentException(resource + ": header " + text);
      }
      bytes.position(10 + header);
      String type = matcher.group(1);
      double[] values = new double[bytes.remaining() / (type.charAt(1) - '0')];
      for (int i = 0; i < values.length; i++) {
        values[i] =
            switch (type) {
              case "f4" -> bytes.getFloat();
              case "f8" -> bytes.getDouble();
              case "i8" -> bytes.getLong();
              case "i1" -> bytes.get();
              default -> throw new IllegalArgumentException(resource + ": type " + type);
            };
      }
      return values;
    } catch (IOException e) {
      throw new IllegalStateException(resource, e);
    }
  }
}
