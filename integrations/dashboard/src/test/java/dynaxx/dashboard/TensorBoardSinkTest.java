package dynaxx.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.squareup.wire.ProtoAdapter;
import com.squareup.wire.schema.Location;
import com.squareup.wire.schema.Schema;
import com.squareup.wire.schema.SchemaLoader;
import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.SpectralDensity;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import okio.ByteString;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files are read back by another implementation of protocol buffers and TensorFlow's schema. */
class TensorBoardSinkTest {

  /** Reversed polynomial of CRC-32C (Castagnoli), for a check by the definition. */
  private static final int CASTAGNOLI = 0x82f63b78;

  @TempDir private Path folder;

  private static int crc(byte[] bytes) {
    int crc = -1;
    for (byte each : bytes) {
      crc ^= each & 0xff;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 1) == 0 ? crc >>> 1 : crc >>> 1 ^ CASTAGNOLI;
      }
    }
    int whole = ~crc;
    return (whole >>> 15 | whole << 17) + 0xa282ead8;
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.sorted().toList();
    }
  }

  /** Records of all files whose frames are whole; a last one cut off is left out. */
  private List<Map<?, ?>> events() throws IOException {
    SchemaLoader loader = new SchemaLoader(FileSystems.getDefault());
    loader.initRoots(
        List.of(Location.get("src/test/resources", "tensorflow/event.proto")), List.of());
    Schema schema = loader.loadSchema();
    ProtoAdapter<Object> adapter = schema.protoAdapter("tensorflow.Event", false);
    List<Map<?, ?>> events = new ArrayList<>();
    for (Path file : files()) {
      ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
      while (in.remaining() >= 12) {
        byte[] length = new byte[8];
        in.get(length);
        assertEquals(crc(length), in.getInt());
        int size = (int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (in.remaining() < size + 4) {
          break;
        }
        byte[] record = new byte[size];
        in.get(record);
        assertEquals(crc(record), in.getInt());
        events.add((Map<?, ?>) adapter.decode(record));
      }
    }
    return events;
  }

  private static Map<?, ?> value(Map<?, ?> event, String tag) {
    for (Object each : (List<?>) ((Map<?, ?>) event.get("summary")).get("value")) {
      if (tag.equals(((Map<?, ?>) each).get("tag"))) {
        return (Map<?, ?>) each;
      }
    }
    throw new AssertionError("no value " + tag + " in " + event);
  }

  @Test
  void everyValueIsReadBack() throws IOException {
    try (TensorBoardSink sink = TensorBoardSink.open(folder)) {
      for (int i = 0; i <= 30; i++) {
        sink.accept(Runs.step(i));
      }
      sink.accept(Runs.event(30, "it moved"));
      sink.accept(new MonitorRecord.Notice(20, MonitorRecord.Notice.Kind.RESTART, List.of()));
      sink.accept(Runs.finish(31));
    }
    List<Map<?, ?>> events = events();
    assertEquals(1 + 31 + 2, events.size());
    assertEquals("brain.Event:2", events.getFirst().get("file_version"));
    for (int i = 0; i <= 30; i++) {
      MonitorRecord.Step step = Runs.step(i);
      Map<?, ?> event = events.get(i + 1);
      // Zero is the default, which a reader may leave out.
      assertEquals((long) i, event.get("step") == null ? 0L : event.get("step"));
      step.observation()
          .readings()
          .forEach(
              (signal, reading) -> {
                String tag = signal.group().name().toLowerCase() + "/" + signal.column();
                assertEquals((float) reading.value(), value(event, tag).get("simple_value"));
                reading
                    .error()
                    .ifPresent(
                        error ->
                            assertEquals(
                                (float) error,
                                value(event, tag.replace(signal.column(), signal.errorColumn()))
                                    .get("simple_value")));
              });
    }
    Map<?, ?> metadata = (Map<?, ?>) value(events.get(1), "loss/loss").get("metadata");
    assertEquals(Signal.LOSS.documentation(), metadata.get("summary_description"));
    Map<?, ?> spectrum =
        (Map<?, ?>) value(events.get(1), "spread/negative_fraction_parts").get("histo");
    List<?> limits = (List<?>) spectrum.get("bucket_limit");
    List<?> counts = (List<?>) spectrum.get("bucket");
    // From the first bin that holds anything to the last.
    assertEquals(61, limits.size());
    assertEquals(SpectralDensity.edges()[30], spectrum.get("min"));
    assertEquals(SpectralDensity.edges()[61], limits.get(30));
    assertEquals(SpectralDensity.edges()[91], limits.get(60));
    assertEquals(0.9, counts.get(30));
    assertEquals(0.05, counts.get(0));
    assertEquals(0.05, counts.get(60));
    Map<?, ?> heads =
        (Map<?, ?>) value(events.get(1), "network/attention_entropy_parts").get("histo");
    assertEquals(3.0, heads.get("num"));
    assertEquals(1.5, heads.get("min"));
    assertEquals(2.5, heads.get("max"));
    Map<?, ?> text = (Map<?, ?>) value(events.get(32), "events/transition").get("tensor");
    ByteString said = (ByteString) ((List<?>) text.get("string_val")).getFirst();
    assertEquals("**TRANSITION** (lambda_min, 0.970): it moved", said.utf8());
    assertEquals(20L, events.get(33).get("step"));
    assertEquals("START", ((Map<?, ?>) events.get(33).get("session_log")).get("status").toString());
  }

  @Test
  void filesAreChangedWhenTheyAreFullAndNeverOverwritten() throws IOException {
    for (int opened = 0; opened < 2; opened++) {
      try (TensorBoardSink sink = TensorBoardSink.open(folder, 2000)) {
        for (int i = 0; i < 30; i++) {
          sink.accept(Runs.step(10L * i));
        }
      }
    }
    assertTrue(files().size() > 20, "found " + files().size());
    long steps = events().stream().filter(event -> event.containsKey("summary")).count();
    assertEquals(60, steps);
  }

  /** A crash in the middle of a write costs that record and no other. */
  @Test
  void aTornEndSpoilsNothingBeforeIt() throws IOException {
    try (TensorBoardSink sink = TensorBoardSink.open(folder)) {
      for (int i = 0; i < 5; i++) {
        sink.accept(Runs.step(10L * i));
      }
    }
    Path file = files().getFirst();
    byte[] all = Files.readAllBytes(file);
    Files.write(file, java.util.Arrays.copyOf(all, all.length - 7));
    assertEquals(5, events().size());
    try (TensorBoardSink sink = TensorBoardSink.open(folder)) {
      sink.accept(Runs.step(40));
    }
    assertEquals(7, events().size());
  }

  @Test
  void whatCannotBeWrittenIsNotTaken() throws IOException {
    TensorBoardSink sink = TensorBoardSink.open(folder, 1);
    for (Path file : files()) {
      Files.delete(file);
    }
    Files.delete(folder);
    Event event = Runs.event(3, "x").events().getFirst();
    MonitorRecord record =
        new MonitorRecord.Notice(3, MonitorRecord.Notice.Kind.EPOCH_END, List.of(event));
    assertThrows(UncheckedIOException.class, () -> sink.accept(record));
    Files.createDirectories(folder);
    sink.accept(record);
    sink.close();
    assertEquals(2, events().size());
  }
}
