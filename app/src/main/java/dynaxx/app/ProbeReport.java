package dynaxx.app;

import dynaxx.app.ProbeRun.Found;
import dynaxx.app.ProbeRun.Semidefinite;
import dynaxx.network.Network;
import dynaxx.onnx.OnnxModel;
import dynaxx.spectrum.Estimate;
import dynaxx.spectrum.ExampleStatistics;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import dynaxx.spectrum.SpectralDensity;
import dynaxx.spectrum.Spectrum;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** What the probe prints. */
final class ProbeReport {

  private static final double CONFIDENCE = 0.95;
  private static final int LAYERS = 12;
  private static final int NAMES = 6;

  private ProbeReport() {}

  static List<String> header(ProbeRun run, OnnxModel model, String file, List<String> others) {
    Network network = run.network();
    List<String> lines = new ArrayList<>();
    lines.add(
        text(
            "%s: %,d parameters in %d tensors; %s of %s on %,d examples of shape %s",
            file,
            network.parameterCount(),
            network.parameters().size(),
            run.loss().name(),
            model.outputName(),
            run.batch().examples(),
            network.inputShape()));
    if (!model.constants().isEmpty()) {
      lines.add(text("%-13s%s", "constants", some(model.constants())));
    }
    model.notes().forEach(note -> lines.add(text("%-13s%s", "note", note)));
    others.forEach(note -> lines.add(text("%-13s%s", "note", note)));
    if (run.plan().lossOptions().size() > 1 || !run.plan().lossOptions().containsValue("tokens")) {
      lines.add(text("%-13s%s", "loss options", options(run.plan().lossOptions())));
    }
    if (run.plan().decay() > 0) {
      lines.add(
          text(
              "%-13sthe weight decay %s is part of the loss and shifts the Hessian by it",
              "note", run.plan().decay()));
    }
    if (run.loss().name().matches(".*(l1|huber).*")) {
      lines.add(
          text(
              "%-13s%s is not smooth: the Hessian is that on one side of its kinks",
              "note", run.loss().name()));
    }
    lines.add(text("%-13s%s: %s", "backend", run.device().name(), run.device().description()));
    return lines;
  }

  private static String options(Map<String, Object> given) {
    return given.entrySet().stream()
        .map(e -> e.getKey().replace('_', ' ') + " " + e.getValue())
        .collect(Collectors.joining(", "));
  }

  private static String some(List<String> names) {
    String first = String.join(", ", names.subList(0, Math.min(NAMES, names.size())));
    return names.size() > NAMES ? first + " and " + (names.size() - NAMES) + " more" : first;
  }

  static List<String> lines(ProbeRun run, Found found) {
    Spectrum spectrum = found.spectrum();
    List<String> lines = new ArrayList<>();
    lines.add(text("%-13s%.7g, gradient norm %.5g", "loss", found.loss(), found.gradientNorm()));
    lines.add(extreme("lambda_min", spectrum.min(), "at least"));
    lines.add(text("%-13s%s", "verdict", spectrum.verdict()));
    lines.add(extreme("lambda_max", spectrum.max(), "at most"));
    double half = spectrum.trace().halfWidth(CONFIDENCE);
    lines.add(
        text(
            "%-13s%.5g +- %.2g (%d samples); from %.4g to %.4g with 95 %%",
            "trace",
            spectrum.trace().value(),
            spectrum.trace().standardError(),
            spectrum.trace().samples().length,
            spectrum.trace().value() - half,
            spectrum.trace().value() + half));
    found.examples().ifPresent(e -> lines.addAll(gradients(run, e)));
    found.stability().ifPresent(t -> lines.addAll(t.lines(run.plan().microBatch())));
    lines.addAll(found.tensors().map(LayerTable::lines).orElseGet(() -> layers(found)));
    lines.addAll(entropies(found));
    if (!found.activeFractions().isEmpty()) {
      lines.add(activeFractions(found));
    }
    found.density().ifPresent(d -> lines.addAll(density(d)));
    found.gaussNewton().ifPresent(g -> lines.add(semidefinite("Gauss-Newton", g)));
    found.empiricalFisher().ifPresent(f -> lines.add(semidefinite("emp. Fisher", f)));
    found.fisher().ifPresent(f -> lines.add(semidefinite("Fisher", f) + drawn(run)));
    found.approximations().forEach(k -> lines.add(k.line()));
    lines.add(
        text(
            "%-13s%d products and %d forms for the spectrum; %.1f s in all",
            "cost", spectrum.cost().products(), spectrum.cost().forms(), found.seconds()));
    return lines;
  }

  private static String extreme(String name, ExtremeEigenvalue found, String side) {
    String residual =
        found.residual().isPresent()
            ? text("residual %.0e", found.residual().getAsDouble())
                + (found.converged() ? "" : " (not converged)")
            : "of a stored vector";
    String bound =
        found.bound().isPresent()
            ? text(", %s %.5g with 99 %%", side, found.bound().getAsDouble())
            : "";
    return text("%-13s%.6g, %s%s", name, found.value(), residual, bound);
  }

  private static List<String> gradients(ProbeRun run, ExampleStatistics found) {
    return List.of(
        text(
            "%-13s%.5g over examples, %.5g over micro-batches of %d",
            "grad. var.",
            found.variance(),
            found.microBatches().variance(),
            run.plan().microBatch()),
        text("%-13s%s", "noise scale", found.noiseScale()),
        text("%-13s%s", "", found.noiseScale().batchAdvice()));
  }

  private static List<String> layers(Found found) {
    List<Map.Entry<String, Estimate>> all = new ArrayList<>(found.layers().layers().entrySet());
    all.sort(Comparator.comparingDouble(e -> -Math.abs(e.getValue().value())));
    List<String> lines = new ArrayList<>();
    lines.add("traces by tensor" + (all.size() > LAYERS ? ", the largest" : ""));
    int width = all.stream().limit(LAYERS).mapToInt(e -> e.getKey().length()).max().orElse(0);
    for (Map.Entry<String, Estimate> e : all.subList(0, Math.min(LAYERS, all.size()))) {
      lines.add(
          text(
              "  %-" + width + "s  %10.4g +- %.2g",
              e.getKey(),
              e.getValue().value(),
              e.getValue().standardError()));
    }
    return lines;
  }

  private static List<String> entropies(Found found) {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < found.entropies().size(); i++) {
      String heads =
          Arrays.stream(found.entropies().get(i))
              .mapToObj(nats -> text("%.3f", nats))
              .collect(Collectors.joining(" "));
      lines.add(text("%-13s%s nats", i == 0 ? "attention" : "", heads));
    }
    return lines;
  }

  private static String activeFractions(Found found) {
    String layers =
        found.activeFractions().stream()
            .map(fraction -> text("%.3f", fraction))
            .collect(Collectors.joining(" "));
    return text("%-13s%s of each rectifier layer's units", "active", layers);
  }

  private static List<String> density(SpectralDensity density) {
    return List.of(
        text(
            "%-13s%.1f %% of the eigenvalues are negative (from %.1f to %.1f %%)",
            "density",
            100 * density.massBelow(0).value(),
            100 * density.leastMassBelow(0),
            100 * density.mostMassBelow(0)));
  }

  private static String semidefinite(String name, Semidefinite found) {
    String values =
        Arrays.stream(found.largest())
            .mapToObj(value -> text("%.6g", value))
            .collect(Collectors.joining(", "));
    String error = found.traceError() == 0 ? "" : text(" +- %.2g", found.traceError());
    return text("%-13slargest %s; trace %.6g%s", name, values, found.trace(), error);
  }

  private static String drawn(ProbeRun run) {
    int draws = run.plan().draws();
    return text(
        "; targets drawn from the model, %d for each example, seed %d", draws, run.plan().seed());
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
