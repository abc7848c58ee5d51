package dynaxx.app;

import dynaxx.app.data.ArrayFile;
import dynaxx.app.io.UserException;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.onnx.OnnxModel;
import dynaxx.onnx.OnnxOptions;
import dynaxx.onnx.OnnxOptions.Input;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The files with the inputs of a model: one for each, some for all examples alike. */
final class ProbeData {

  private final Map<String, ArrayFile> files = new LinkedHashMap<>();
  private final Map<String, Integer> axes = new LinkedHashMap<>();
  private final List<String> shared = new ArrayList<>();

  /**
   * Opens the files.
   *
   * @param inputs {@code FILE} in the order of the model, or {@code NAME=FILE}
   * @param axes {@code NAME=AXIS}, or {@code AXIS} for all
   * @param alike names of inputs that all examples share
   */
  ProbeData(List<String> inputs, List<String> axes, List<String> alike) {
    for (int i = 0; i < inputs.size(); i++) {
      String text = inputs.get(i);
      int equals = Files.exists(Path.of(text)) ? -1 : text.indexOf('=');
      String name = equals < 1 ? Input.place(i) : text.substring(0, equals);
      ArrayFile file = ArrayFile.open(file(text));
      if (files.put(name, file) != null) {
        throw new UserException("--inputs: found two files for '" + name + "', expected one");
      }
    }
    axes.forEach(this::axis);
    alike.forEach(name -> shared.add(key("--shared", name)));
    if (shared.containsAll(files.keySet())) {
      throw new UserException(
          "--shared: found all inputs, expected at least one that has an axis of examples");
    }
    files.forEach((name, file) -> check(name, file));
  }

  /** The file of an option's value. */
  static Path file(String text) {
    int equals = Files.exists(Path.of(text)) ? -1 : text.indexOf('=');
    return Path.of(text.substring(equals + 1));
  }

  private void axis(String text) {
    int equals = text.lastIndexOf('=');
    try {
      int axis = Integer.parseUnsignedInt(text.substring(equals + 1));
      if (equals < 0) {
        files.keySet().forEach(name -> axes.put(name, axis));
      } else {
        axes.put(key("--batch-axis", text.substring(0, equals)), axis);
      }
    } catch (NumberFormatException e) {
      throw new UserException(
          "--batch-axis: found '" + text + "', expected AXIS or NAME=AXIS, from 0");
    }
  }

  /** The name under which a file was given; the name of a file itself will do too. */
  private String key(String option, String name) {
    for (Map.Entry<String, ArrayFile> e : files.entrySet()) {
      if (e.getKey().equals(name) || e.getValue().path().toString().equals(name)) {
        return e.getKey();
      }
    }
    if (files.size() == 1 && files.containsKey(Input.place(0))) {
      return Input.place(0);
    }
    throw new UserException(
        option
            + ": found '"
            + name
            + "', expected a name given as --inputs NAME=FILE, or a file of --inputs");
  }

  private void check(String name, ArrayFile file) {
    if (shared.contains(name)) {
      return;
    }
    ProbeInputs.requireExamples(file);
    int axis = axes.getOrDefault(name, 0);
    if (axis >= file.shape().size()) {
      throw new UserException(
          "--batch-axis: found " + axis + " for " + file.path() + " with shape " + file.shape());
    }
  }

  /** Files that hold another number of examples than the first are taken for all examples alike. */
  private boolean alike(String name) {
    String first = files.keySet().stream().filter(n -> !shared.contains(n)).findFirst().orElse("");
    boolean said = shared.contains(name);
    if (said || name.equals(first) || axes.containsKey(name) || axes.containsKey(first)) {
      return said;
    }
    return !files.get(name).shape().getFirst().equals(files.get(first).shape().getFirst());
  }

  /** Examples of the first file that is not the same for all. */
  int examples() {
    return files.entrySet().stream()
        .filter(e -> !shared.contains(e.getKey()))
        .findFirst()
        .map(e -> e.getValue().shape().get(axes.getOrDefault(e.getKey(), 0)).intValue())
        .orElse(0);
  }

  /** Keeps some examples of every file that is not the same for all. */
  void select(Selection selection, long seed) {
    int examples = examples();
    Map<String, ArrayFile> chosen = new LinkedHashMap<>();
    files.forEach(
        (name, file) -> {
          boolean whole = alike(name);
          if (whole && !shared.contains(name)) {
            shared.add(name);
          }
          chosen.put(name, whole ? file : selection.of(file, examples, seed));
        });
    files.putAll(chosen);
  }

  OnnxOptions options(OnnxOptions from, Scope scope) {
    OnnxOptions options = from;
    for (Map.Entry<String, ArrayFile> e : files.entrySet()) {
      options = options.withInput(e.getKey(), input(e.getKey(), e.getValue(), scope));
    }
    return options;
  }

  private Input input(String name, ArrayFile file, Scope scope) {
    Shape array = new Shape(file.shape().stream().map(Math::toIntExact).toList());
    if (alike(name)) {
      HostBuffer values = file.values(scope);
      float[] all = new float[Math.toIntExact(values.size())];
      for (int i = 0; i < all.length; i++) {
        all[i] = values.get(i);
      }
      return Input.shared(array, all);
    }
    return axes.containsKey(name) ? Input.along(array, axes.get(name)) : Input.of(array);
  }

  private ArrayFile file(OnnxModel model, String name) {
    return files.get(model.optionOf(name).orElseThrow());
  }

  /** The file of the first input, for messages. */
  ArrayFile first(OnnxModel model) {
    return file(model, model.inputName());
  }

  int examples(OnnxModel model) {
    return Math.toIntExact(first(model).shape().get(model.axisOfExamples(model.inputName())));
  }

  /** All inputs as the network takes them. */
  HostBuffer values(Scope scope, OnnxModel model) {
    List<HostBuffer> arrays = new ArrayList<>();
    for (String name : model.inputNames()) {
      ArrayFile file = file(model, name);
      if (model.takesIntegers(name) && !file.isWhole()) {
        throw new UserException(
            file.path() + ": found floats, expected integers for the model's input '" + name + "'");
      }
      HostBuffer values = file.values(scope);
      ProbeInputs.requireFinite(file, values);
      arrays.add(values);
    }
    try {
      return model.inputs(scope, arrays);
    } catch (IllegalArgumentException e) {
      throw new UserException(e.getMessage(), e);
    }
  }
}
