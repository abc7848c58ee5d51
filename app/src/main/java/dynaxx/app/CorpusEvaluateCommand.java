package dynaxx.app;

import dynaxx.app.corpus.Evaluation;
import dynaxx.app.corpus.EvaluationTable;
import dynaxx.app.io.WholeFile;
import dynaxx.app.plot.Pictures;
import dynaxx.app.plot.ReliabilityPlot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Measures what predicts. */
@Command(
    name = "evaluate",
    description =
        "Measures on a packed corpus how well each signal, each rule set and plain rules on loss"
            + " and gradient warn of spikes and divergences, and prints a table.",
    mixinStandardHelpOptions = true)
final class CorpusEvaluateCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "PACK", description = "A file that corpus --pack has written.")
  private Path pack;

  @Option(
      names = "--half",
      paramLabel = "HALF",
      defaultValue = "report",
      description =
          "Half of the runs to report on: ${COMPLETION-CANDIDATES}. Directions and thresholds are"
              + " always those of the half to tune on. Default: ${DEFAULT-VALUE}.")
  private Evaluation.Half half;

  @Option(
      names = "--markdown",
      paramLabel = "FILE",
      description = "Write the table there instead of printing it.")
  private Path markdown;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the figures there as JSON.")
  private Path json;

  @Option(
      names = "--plot",
      paramLabel = "FILE",
      description = "Draw the reliability of the forecast there, as .png or .svg.")
  private Path plot;

  @Override
  public Integer call() throws IOException {
    if (plot != null && Pictures.ending(plot).isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "--plot: found " + plot + ", expected a name with .png or .svg");
    }
    for (Path file : new Path[] {markdown, json, plot}) {
      if (file != null) {
        WholeFile.check(file);
      }
    }
    Evaluation.Report report = Evaluation.of(pack, half);
    if (json != null) {
      write(json, EvaluationTable.json(report));
    }
    if (plot != null) {
      Pictures.write(plot, ReliabilityPlot.of(report.forecast()));
    }
    if (markdown != null) {
      write(markdown, EvaluationTable.markdown(report));
    } else {
      spec.commandLine().getOut().print(EvaluationTable.markdown(report));
      spec.commandLine().getOut().flush();
    }
    return 0;
  }

  private static void write(Path file, String text) throws IOException {
    WholeFile.write(file, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
  }
}
