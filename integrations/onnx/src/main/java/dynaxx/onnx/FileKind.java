package dynaxx.onnx;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/** What a file is that is no ONNX model, as far as its first bytes tell. */
enum FileKind {
  EMPTY("an empty file", "export the model again"),
  ZIP(
      "a zip archive, as torch.save or numpy.savez write it",
      "export the model with torch.onnx.export"),
  PICKLE("a Python pickle", "export the model with torch.onnx.export"),
  HDF5("an HDF5 file, as Keras writes it", "convert the model with tf2onnx"),
  NUMPY("a NumPy array", "give it as inputs or targets, and the model's own file as the model"),
  GZIP("a gzip archive", "unpack it with gunzip"),
  LFS("a Git LFS pointer", "get the model itself with git lfs pull"),
  TEXT("a text file", "give the model's own file");

  private static final int BYTES = 64;

  private final String words;
  private final String advice;

  FileKind(String words, String advice) {
    this.words = words;
    this.advice = advice;
  }

  /** What it is and what to do, as the end of a sentence that begins with the file's name. */
  String refusal() {
    return "found " + words + ", expected an ONNX model; " + advice;
  }

  static Optional<FileKind> of(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return of(in.readNBytes(BYTES));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static Optional<FileKind> of(byte[] start) {
    if (start.length == 0) {
      return Optional.of(EMPTY);
    }
    String text = new String(start, StandardCharsets.ISO_8859_1);
    if (text.startsWith("PK\003\004")) {
      return Optional.of(ZIP);
    }
    if (text.startsWith("\u0089HDF")) {
      return Optional.of(HDF5);
    }
    if (text.startsWith("\u0093NUMPY")) {
      return Optional.of(NUMPY);
    }
    if (text.startsWith("\u001f\u008b")) {
      return Optional.of(GZIP);
    }
    if (text.matches("(?s)\u0080[\u0002-\u0005].*")) {
      return Optional.of(PICKLE);
    }
    if (text.startsWith("version https://git-lfs")) {
      return Optional.of(LFS);
    }
    boolean printable =
        Arrays.equals(
            start, text.replaceAll("[^\\p{Print}\\s]", "").getBytes(StandardCharsets.ISO_8859_1));
    return printable ? Optional.of(TEXT) : Optional.empty();
  }
}
