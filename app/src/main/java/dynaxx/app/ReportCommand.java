package dynaxx.app;

import dynaxx.app.io.UserException;
import dynaxx.app.io.WholeFile;
import dynaxx.app.plot.Pictures;
import dynaxx.dashboard.RunReport;
import dynaxx.dashboard.picture.Picture;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes a run down in one file. */
@Command(
    name = "report",
    description =
        "Writes runs into one HTML file that needs nothing else, or into Markdown for a pull"
            + " request, and draws their curves as SVG or PNG files.",
    mixinStandardHelpOptions = true,
    showDefaultValues = false)
final class ReportCommand implements Callable<Integer> {

  enum Format {
    HTML,
    MD;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "1..*",
      paramLabel = "RUN_DIR",
      description = "Folders of runs; several are compared in one report.")
  private List<Path> runs;

  @Option(
      names = "--format",
      paramLabel = "NAME",
      defaultValue = "html",
      description = "Format: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Format format;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "The report. Default: report.html or report.md in the first folder.")
  private Path out;

  @Option(
      names = "--plots",
      paramLabel = "DIR",
      description = "Also write each panel to this folder, as an SVG file.")
  private Path plots;

  @Option(names = "--png", description = "Write the files of --plots as PNG instead of SVG.")
  private boolean png;

  @Override
  public Integer call() throws IOException {
    if (png && plots == null) {
      throw new ParameterException(
          spec.commandLine(), "--png: found no --plots, expected the folder for the pictures");
    }
    RunReport report = read();
    Path file = out == null ? folder().resolve("report." + format) : out;
    WholeFile.check(file);
    Map<String, Picture> pictures = plots == null ? Map.of() : report.pictures();
    if (plots != null) {
      WholeFile.checkFolder(plots);
    }
    if (!pictures.isEmpty()) {
      Files.createDirectories(plots);
    }
    String text = format == Format.HTML ? report.html() : report.markdown();
    PrintWriter print = spec.commandLine().getOut();
    write(file, text);
    print.println("Wrote " + file);
    if (plots != null) {
      for (Map.Entry<String, Picture> picture : pictures.entrySet()) {
        String ending = png ? ".png" : ".svg";
        Pictures.write(plots.resolve(picture.getKey() + ending), picture.getValue());
      }
      print.println(
          switch (pictures.size()) {
            case 0 -> "Wrote no picture: found no signal with a finite value";
            case 1 -> "Wrote 1 picture to " + plots;
            default -> "Wrote " + pictures.size() + " pictures to " + plots;
          });
    }
    print.flush();
    return 0;
  }

  private RunReport read() throws FileSystemException {
    try {
      return RunReport.of(runs);
    } catch (FileSystemException e) {
      throw e;
    } catch (IOException e) {
      throw new UserException(e.getMessage(), e);
    }
  }

  private Path folder() {
    Path first = runs.getFirst();
    Path parent = first.toAbsolutePath().getParent();
    return Files.isRegularFile(first) ? parent : first;
  }

  private static void write(Path file, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    WholeFile.write(file, to -> to.write(bytes));
  }
}
