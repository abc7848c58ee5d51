package dynaxx.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dynaxx.app.ProbeRun.Found;
import dynaxx.app.ProbeRun.Semidefinite;
import dynaxx.app.run.Hardware;
import dynaxx.layer.Parameter;
import dynaxx.onnx.OnnxModel;
import dynaxx.spectrum.Estimate;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import dynaxx.spectrum.NoiseScale;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.SpectralDensity;
import dynaxx.spectrum.Spectrum;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The probe's results as JSON. */
final class ProbeJson {

  private static final int CURVE_POINTS = 401;

  private ProbeJson() {}

  static String of(
      ProbeRun run, Found found, OnnxModel model, Optional<Map<String, Object>> influence) {
    Spectrum spectrum = found.spectrum();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("parameters", run.network().parameterCount());
    json.put("examples", run.batch().examples());
    json.put("loss_kind", run.loss().name());
    json.put("loss_options", run.plan().lossOptions());
    json.put("loss", found.loss());
    json.put("gradient_norm", found.gradientNorm());
    json.put("micro_batch", run.plan().microBatch());
    found
        .examples()
        .ifPresent(
            e -> {
              json.put("micro_batch_gradient_variance", e.microBatches().variance());
              json.put("per_example_gradient_variance", e.variance());
              json.put("noise_scale", noiseScale(e.noiseScale()));
            });
    json.put("lambda_min", smallest(spectrum));
    json.put("lambda_max", largest(spectrum.max()));
    json.put("trace", trace(spectrum.trace()));
    json.put("products", spectrum.cost().products());
    json.put("quadratic_forms", spectrum.cost().forms());
    json.put("layer_traces", layers(run, found));
    if (!found.entropies().isEmpty()) {
      json.put("attention_entropy_nats", found.entropies());
    }
    if (!found.activeFractions().isEmpty()) {
      json.put("active_fractions", found.activeFractions());
    }
    found.gaussNewton().ifPresent(g -> json.put("gauss_newton", semidefinite(g)));
    found.empiricalFisher().ifPresent(f -> json.put("empirical_fisher", semidefinite(f)));
    found.fisher().ifPresent(f -> json.put("fisher", drawn(run, f)));
    found.approximations().forEach(k -> json.put(ProbeCommand.label(k.matrix()), k.json()));
    found.density().ifPresent(d -> json.put("density", density(d)));
    found.stability().ifPresent(t -> json.put("stability", t.json()));
    found
        .tensors()
        .ifPresent(
            table ->
                json.put(
                    "tensors",
                    table.tensors().entrySet().stream().map(ProbeJson::tensor).toList()));
    influence.ifPresent(i -> json.put("influence", i));
    json.put("seconds", found.seconds());
    json.put("settings", settings(run));
    json.put("constants", model.constants());
    json.put("dynaxx", Main.version());
    json.put("backend", run.device().name() + ": " + run.device().description());
    json.put("hardware", Hardware.describe());
    return text(json);
  }

  private static String text(Map<String, Object> json) {
    try {
      return new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(json)
          + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Map<String, Object> smallest(Spectrum spectrum) {
    ExtremeEigenvalue min = spectrum.min();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("value", min.value());
    json.put("residual", min.residual().isPresent() ? min.residual().getAsDouble() : null);
    json.put("lower_bound", min.bound().isPresent() ? min.bound().getAsDouble() : null);
    json.put("upper_bound", min.value() + min.noiseFloor());
    json.put("converged", min.converged());
    json.put("verdict", spectrum.verdict().toString());
    return json;
  }

  /** A Rayleigh quotient bounds the largest eigenvalue from below. */
  private static Map<String, Object> largest(ExtremeEigenvalue max) {
    double least = max.value() - max.noiseFloor();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("value", max.value());
    json.put("residual", max.residual().isPresent() ? max.residual().getAsDouble() : null);
    json.put("lower_bound", least);
    json.put("upper_bound", max.bound().isPresent() ? max.bound().getAsDouble() : null);
    json.put("converged", max.converged());
    json.put(
        "verdict", least > 0 ? String.format(Locale.ROOT, "POSITIVE (%.3g)", least) : "UNDECIDED");
    return json;
  }

  private static Map<String, Object> trace(Estimate trace) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("value", trace.value());
    json.put("standard_error", trace.standardError());
    json.put("samples", trace.samples().length);
    return json;
  }

  private static List<Map<String, Object>> layers(ProbeRun run, Found found) {
    List<Map<String, Object>> layers = new ArrayList<>();
    for (Parameter p : run.network().parameters()) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("name", p.name());
      json.put("shape", p.shape().dims());
      json.putAll(trace(found.layers().layers().get(p.name())));
      layers.add(json);
    }
    return layers;
  }

  private static Map<String, Object> semidefinite(Semidefinite found) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("largest", found.largest());
    json.put("trace", found.trace());
    json.put("trace_standard_error", found.traceError());
    return json;
  }

  private static Map<String, Object> drawn(ProbeRun run, Semidefinite found) {
    Map<String, Object> json = semidefinite(found);
    json.put("targets", "drawn from the model");
    json.put("draws", run.plan().draws());
    return json;
  }

  private static Map<String, Object> noiseScale(NoiseScale scale) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("trace_sigma", scale.traceSigma());
    json.put("squared_gradient", scale.squaredGradient());
    scale.simple().ifPresent(simple -> json.put("simple", simple));
    scale.simpleError().ifPresent(error -> json.put("simple_error", error));
    return json;
  }

  private static Map<String, Object> density(SpectralDensity density) {
    double width = density.defaultWidth();
    double[] at = density.positions(CURVE_POINTS, width);
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("ritz_values", density.nodes());
    json.put("weights", density.weights());
    json.put(
        "negative",
        Map.of(
            "value",
            density.massBelow(0).value(),
            "lower",
            density.leastMassBelow(0),
            "upper",
            density.mostMassBelow(0)));
    json.put("at", at);
    json.put("density", density.density(at, width));
    json.put("width", width);
    return json;
  }

  private static Map<String, Object> tensor(
      Map.Entry<String, ? extends Map<String, Reading>> tensor) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("name", tensor.getKey());
    tensor
        .getValue()
        .forEach(
            (column, reading) -> {
              json.put(column, reading.value());
              reading.error().ifPresent(error -> json.put(column + "_error", error));
            });
    return json;
  }

  private static Map<String, Object> settings(ProbeRun run) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("mode", ProbeCommand.label(run.plan().mode()));
    json.put("operators", run.plan().matrices().stream().map(ProbeCommand::label).toList());
    json.put("iterations", run.plan().iterations());
    json.put("probes", run.plan().settings().probes());
    json.put("seed", run.plan().seed());
    return json;
  }
}
