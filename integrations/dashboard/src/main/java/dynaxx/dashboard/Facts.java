package dynaxx.dashboard;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a page says of a run beside its curves: the settings and results that fit in a line. */
final class Facts {

  /** The file of a run that has them. */
  static final String FILE = "run.json";

  private static final int MOST = 200;
  private static final long MOST_BYTES = 1 << 20;
  private static final ObjectMapper MAPPER =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  private static final List<String> LEFT_OUT = List.of("arguments", "hardware");

  private Facts() {}

  /**
   * What a run's file says.
   *
   * @param facts for the page
   * @param status of the run; empty if there is none
   * @param problem what is wrong with the file; empty if nothing is
   */
  record Read(Map<String, Object> facts, String status, String problem) {

    static final Read NOTHING = new Read(Map.of(), "", "");

    static Read wrong(String found, String expected) {
      return new Read(
          Map.of(), "", FILE + ": found " + found + ", expected " + expected + "; not used");
    }
  }

  /** Reads a file that is there. What is wrong with its text is part of the answer. */
  static Read read(Path file) throws IOException {
    if (Files.size(file) > MOST_BYTES) {
      return Read.wrong(Files.size(file) + " bytes", "at most " + MOST_BYTES);
    }
    JsonNode json;
    try {
      json = MAPPER.readTree(Files.readAllBytes(file));
    } catch (JsonProcessingException e) {
      JsonLocation where = e.getLocation();
      String at =
          where == null ? "" : " at line " + where.getLineNr() + ", column " + where.getColumnNr();
      return Read.wrong("no valid JSON" + at, "a JSON object");
    }
    if (!json.isObject()) {
      return Read.wrong(kind(json), "a JSON object");
    }
    Map<String, Object> facts = of(MAPPER.convertValue(json, Map.class));
    JsonNode status = json.path("status");
    if (!status.isMissingNode() && !status.isTextual()) {
      facts.remove("status");
      String found = FILE + ": status: found " + kind(status);
      return new Read(facts, "", found + ", expected a text such as completed; not used");
    }
    return new Read(facts, status.asText(), "");
  }

  private static String kind(JsonNode json) {
    return switch (json.getNodeType()) {
      case MISSING -> "an empty file";
      case NULL -> "null";
      case BOOLEAN, NUMBER -> json.asText();
      case STRING -> "a text";
      case ARRAY -> "a list";
      default -> "an object";
    };
  }

  /** Flattens what run.json says. */
  static Map<String, Object> of(Map<?, ?> read) {
    Map<String, Object> facts = new LinkedHashMap<>();
    read.forEach((name, value) -> add(facts, name.toString(), value));
    return facts;
  }

  private static void add(Map<String, Object> facts, String name, Object value) {
    if (LEFT_OUT.contains(name)) {
      return;
    }
    if (value instanceof Map<?, ?> inner) {
      inner.forEach((key, each) -> add(facts, key.toString(), each));
    } else if (value instanceof Number || value instanceof Boolean) {
      facts.put(name, value);
    } else if (value instanceof String text && text.length() <= MOST) {
      facts.put(name, text);
    }
  }
}
