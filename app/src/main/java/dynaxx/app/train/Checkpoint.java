package dynaxx.app.train;

import dynaxx.app.io.UserException;
import dynaxx.app.io.WholeFile;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A training to go on from, in one file: a mark with the format's version, the length of what
 * follows, what was trained and how, the state of run and trainer, and the SHA-256 of it all.
 */
public final class Checkpoint {

  private static final byte[] MARK = "dynaxx checkpoint 3\n".getBytes(StandardCharsets.US_ASCII);
  private static final int HASH = 32;
  private static final int LEAST = MARK.length + Long.BYTES + HASH;

  private Checkpoint() {}

  /**
   * What belongs to a checkpoint in addition to the trainer.
   *
   * @param rateFactor by which the schedule's learning rates are multiplied
   * @param journalBytes length of monitor.jsonl
   * @param seconds that the run took so far
   */
  public record Run(double rateFactor, long journalBytes, double seconds) {}

  /**
   * Writes a checkpoint.
   *
   * @param file replaced if it exists
   * @param made describes network, data and optimizer; must be the same when it is read
   */
  public static void write(Path file, String made, Run run, Trainer trainer) throws IOException {
    ByteArrayOutputStream payload = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(payload);
    out.writeUTF(made);
    out.writeDouble(run.rateFactor());
    out.writeLong(run.journalBytes());
    out.writeDouble(run.seconds());
    trainer.save(out);
    ByteBuffer all = ByteBuffer.allocate(LEAST + payload.size());
    all.put(MARK).putLong(payload.size()).put(payload.toByteArray());
    all.put(hash(Arrays.copyOf(all.array(), all.position())));
    WholeFile.write(file, to -> to.write(all.array()));
  }

  /**
   * Reads a checkpoint into a trainer, which is as it was if that fails.
   *
   * @throws UserException if the file is cut short, damaged, or of another training
   */
  public static Run read(Path file, String made, Trainer trainer) throws IOException {
    byte[] all = Files.readAllBytes(file);
    check(file, all);
    int size = all.length - LEAST;
    try (DataInputStream in =
        new DataInputStream(new ByteArrayInputStream(all, MARK.length + Long.BYTES, size))) {
      String found = in.readUTF();
      if (!found.equals(made)) {
        throw new UserException(
            file
                + ": found a checkpoint of "
                + differing(found, made)
                + ", expected one of "
                + differing(made, found));
      }
      Run run = new Run(in.readDouble(), in.readLong(), in.readDouble());
      trainer.load(in);
      return run;
    }
  }

  /** What the first names that the second does not. */
  private static String differing(String one, String other) {
    List<String> others = List.of(other.split("; "));
    return Stream.of(one.split("; "))
        .filter(part -> !others.contains(part))
        .collect(Collectors.joining("; "));
  }

  private static void check(Path file, byte[] all) {
    int marked = Math.min(all.length, MARK.length);
    if (!Arrays.equals(all, 0, marked, MARK, 0, marked)) {
      throw new UserException(
          file + ": found something else than a checkpoint of this version of dynaxx");
    }
    long expected = all.length < LEAST ? LEAST : LEAST + ByteBuffer.wrap(all).getLong(MARK.length);
    if (all.length != expected) {
      throw new UserException(
          file
              + ": found "
              + all.length
              + " bytes, expected "
              + (all.length < LEAST ? "at least " : "")
              + expected
              + ": the checkpoint is cut short or damaged; delete it to go on from the one before");
    }
    byte[] found = Arrays.copyOfRange(all, all.length - HASH, all.length);
    if (!Arrays.equals(found, hash(Arrays.copyOf(all, all.length - HASH)))) {
      throw new UserException(
          file
              + ": found a checksum that does not match: the checkpoint is damaged; delete it to go"
              + " on from the one before");
    }
  }

  private static byte[] hash(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
