package dynaxx.app.plan;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dynaxx.app.io.UserException;
import dynaxx.app.io.WholeFile;
import dynaxx.cost.CostModel;
import dynaxx.cost.CostModel.Timing;
import dynaxx.cost.Work;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What was timed on a machine, as a JSON file in the user's cache.
 *
 * @param path of the file
 */
public record CostFile(Path path) {

  /** System property with a folder in place of the user's cache. */
  public static final String PROPERTY = "dynaxx.cache";

  private static final String FORMAT = "dynaxx costs 1";
  private static final String AGAIN = "; measure with ./dynaxx plan --calibrate";
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /**
   * What a file holds.
   *
   * @param model fitted to the timings
   * @param device description of it
   * @param memoryLimit bytes that a probe takes by default there
   */
  public record Costs(CostModel model, String device, long memoryLimit) {}

  /**
   * The file of a device: below {@code XDG_CACHE_HOME}, or else {@code .cache} in the home folder.
   *
   * @param device {@code cpu} or {@code cuda}
   * @return it, whether it exists or not
   */
  public static CostFile of(String device) {
    String own = System.getProperty(PROPERTY);
    String cache = System.getenv("XDG_CACHE_HOME");
    // The specification: a relative path in the variable is to be ignored.
    Path folder =
        own != null
            ? Path.of(own)
            : cache != null && !cache.isBlank() && Path.of(cache).isAbsolute()
                ? Path.of(cache)
                : Path.of(System.getProperty("user.home"), ".cache");
    return new CostFile(folder.resolve("dynaxx").resolve("costs-" + device + ".json"));
  }

  /**
   * Writes all or nothing.
   *
   * @param costs what was timed
   * @param machine that it was timed on
   * @param facts more that a reader of the file wants to know
   * @throws IOException if it cannot be written
   */
  public void write(Costs costs, Map<String, Object> machine, Map<String, Object> facts)
      throws IOException {
    Map<String, Object> root = new LinkedHashMap<>();
    root.put("format", FORMAT);
    root.putAll(facts);
    root.put("machine", machine);
    root.put("device", costs.device());
    root.put("memory_limit", costs.memoryLimit());
    CostModel model = costs.model();
    root.put("seconds_per_flop", model.perFlop());
    root.put("seconds_per_byte", model.perByte());
    root.put("seconds_per_launch", model.perLaunch());
    double error = model.relativeError();
    root.put("relative_error", Double.isFinite(error) ? error : null);
    root.put("timings", model.timings().stream().map(CostFile::json).toList());
    Files.createDirectories(path.toAbsolutePath().getParent());
    WholeFile.write(path, out -> out.write(JSON.writeValueAsBytes(root)));
  }

  private static Map<String, Object> json(Timing timing) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("name", timing.name());
    fields.put("parameters", timing.parameters());
    fields.put("flop", timing.work().flop());
    fields.put("bytes", timing.work().bytes());
    fields.put("launches", timing.work().launches());
    fields.put("seconds", timing.seconds());
    return fields;
  }

  /**
   * Reads what was timed here.
   *
   * @param machine this one
   * @return the costs
   * @throws UserException if there is no such file, it is damaged, or of another machine
   * @throws IOException if it cannot be read
   */
  public Costs read(Map<String, Object> machine) throws IOException {
    if (!Files.isRegularFile(path)) {
      throw new UserException(path + ": found no file, expected the costs of this machine" + AGAIN);
    }
    JsonNode root;
    try {
      root = JSON.readTree(Files.readAllBytes(path));
    } catch (JsonProcessingException e) {
      throw new UserException(path + ": found no JSON, expected costs of dynaxx" + AGAIN, e);
    }
    if (!root.path("format").asText().equals(FORMAT)) {
      throw new UserException(path + ": found no costs, expected format '" + FORMAT + "'" + AGAIN);
    }
    JsonNode here = JSON.valueToTree(machine);
    if (!here.equals(root.get("machine"))) {
      throw new UserException(
          path
              + ": found costs of "
              + root.path("machine")
              + ", expected this machine, "
              + here
              + AGAIN);
    }
    long memory = root.path("memory_limit").asLong();
    if (memory < 1) {
      throw damaged("memory_limit " + root.path("memory_limit"));
    }
    return new Costs(model(root), root.path("device").asText(), memory);
  }

  /** The coefficients follow from the timings, so that they cannot contradict each other. */
  private CostModel model(JsonNode root) {
    List<Timing> timings = new ArrayList<>();
    for (JsonNode each : root.path("timings")) {
      Work work = new Work(number(each, "flop"), number(each, "bytes"), number(each, "launches"));
      timings.add(
          new Timing(
              each.path("name").asText(),
              (long) number(each, "parameters"),
              work,
              number(each, "seconds")));
    }
    if (timings.isEmpty()) {
      throw damaged("no timings");
    }
    return CostModel.fit(timings);
  }

  private double number(JsonNode timing, String name) {
    JsonNode value = timing.path(name);
    if (!value.isNumber() || !(value.asDouble() > 0)) {
      throw damaged(name + " " + (value.isMissingNode() ? "missing" : value) + " in a timing");
    }
    return value.asDouble();
  }

  private UserException damaged(String what) {
    return new UserException(path + ": found " + what + ", expected positive numbers" + AGAIN);
  }
}
