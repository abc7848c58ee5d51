package dynaxx.app;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.app.io.UserException;
import dynaxx.app.profile.Library;
import dynaxx.app.profile.Profile;
import dynaxx.app.run.RunFolder;
import dynaxx.app.run.RunReader;
import dynaxx.app.terminal.ProgressLine;
import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.Observation;
import dynaxx.monitor.Rules;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Keeps what transitions look like, and compares a run with what is kept. */
@Command(
    name = "profile",
    description =
        "Keeps what the transitions of a run look like, and compares other runs with them.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class ProfileCommand implements Runnable {

  private static final int SHOWN = 3;
  private static final double MOVED = 3;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  @Command(
      description = "Keeps the transitions of a run under a name, as a profile.",
      mixinStandardHelpOptions = true)
  int save(
      @Parameters(paramLabel = "RUN", description = RUN) Path run,
      @Option(
              names = "--name",
              required = true,
              paramLabel = "NAME",
              description =
                  "Name of the profile: letters, digits, dots, dashes and underscores, 64 at most.")
          String name,
      @Option(names = "--force", description = "Replace a profile of the same name.") boolean force,
      @Option(
              names = "--profiles",
              paramLabel = "DIR",
              defaultValue = "profiles",
              description = FOLDER)
          Path folder)
      throws IOException {
    Library library = new Library(folder);
    library.check(name, force);
    List<Event.Signature> found = signatures(run);
    if (found.isEmpty()) {
      throw new UserException(
          run + ": found no transition or shift with enough snapshots around it to keep");
    }
    Path file = library.save(new Profile(name, source(run), found), force);
    out().printf("Kept %d transitions in %s%n", found.size(), file);
    out().flush();
    return 0;
  }

  @Command(
      description = "Lists all profiles; those that come with dynaxx are first.",
      mixinStandardHelpOptions = true)
  int list(
      @Option(
              names = "--profiles",
              paramLabel = "DIR",
              defaultValue = "profiles",
              description = FOLDER)
          Path folder) {
    for (Profile profile : new Library(folder).all()) {
      out()
          .printf(
              "%-24s %d transitions; %s%n",
              profile.name(), profile.transitions().size(), profile.source());
    }
    return 0;
  }

  @Command(
      description =
          "Compares the transitions of a run with all profiles. Likeness is a number from -1 to 1."
              + " It compares how far signals moved, in units of their noise, and in which order;"
              + " how many steps that took does not count.",
      mixinStandardHelpOptions = true)
  int compare(
      @Parameters(paramLabel = "RUN", description = RUN) Path run,
      @Option(
              names = "--profiles",
              paramLabel = "DIR",
              defaultValue = "profiles",
              description = FOLDER)
          Path folder)
      throws IOException {
    List<Profile> profiles = new Library(folder).all();
    List<Event.Signature> found = signatures(run);
    if (found.isEmpty()) {
      out().println("no transition or shift with enough snapshots around it");
    }
    for (Event.Signature signature : found) {
      out().printf("%d %s, moved: %s%n", signature.step(), signature.kind(), moved(signature));
      matches(profiles, signature).stream().limit(SHOWN).forEach(m -> out().println("  " + m));
    }
    out().flush();
    return 0;
  }

  private static final String RUN = "The folder of a run, or a metrics file.";
  private static final String FOLDER = "Folder of your own profiles. Default: ${DEFAULT-VALUE}.";

  private record Match(double likeness, String words) {
    @Override
    public String toString() {
      return String.format(Locale.ROOT, "%+.2f %s", likeness, words);
    }
  }

  private static List<Match> matches(List<Profile> profiles, Event.Signature signature) {
    List<Match> matches = new ArrayList<>();
    for (Profile profile : profiles) {
      for (Event.Signature known : profile.transitions()) {
        long common =
            known.changes().keySet().stream().filter(signature.changes()::containsKey).count();
        matches.add(
            new Match(
                signature.similarity(known),
                profile.name()
                    + ", "
                    + known.kind()
                    + " at step "
                    + known.step()
                    + " ("
                    + common
                    + " common signals)"));
      }
    }
    matches.sort(Comparator.comparingDouble(Match::likeness).reversed());
    return matches;
  }

  private static String moved(Event.Signature signature) {
    String moved =
        signature.changes().entrySet().stream()
            .filter(e -> Math.abs(e.getValue().shift()) > MOVED)
            .map(
                e ->
                    String.format(
                        Locale.ROOT, "%s %+.1f", e.getKey().column(), e.getValue().shift()))
            .collect(Collectors.joining(", "));
    return moved.isEmpty() ? "nothing beyond its noise for long" : moved;
  }

  private List<Event.Signature> signatures(Path run) throws IOException {
    try (ProgressLine progress = ProgressLine.open()) {
      return signatures(run, progress);
    }
  }

  private List<Event.Signature> signatures(Path run, ProgressLine progress) throws IOException {
    Path file = Files.isDirectory(run) ? run.resolve("metrics.csv") : run;
    PrintWriter err = spec.commandLine().getErr();
    progress.stage("reading " + file.getFileName());
    List<MonitorRecord> records =
        RunReader.metrics(file, problem -> progress.aside(() -> err.println("dynaxx: " + problem)));
    progress.stage("rules", "record", records.size());
    Rules rules = Rules.calibration().stability(TrainingOptions.stability(run)).build();
    List<Event.Signature> all = new ArrayList<>();
    List<Observation> observations = new ArrayList<>();
    List<Event> events = new ArrayList<>();
    for (MonitorRecord record : records) {
      if (record instanceof MonitorRecord.Step step) {
        observations.add(step.observation());
        events.addAll(rules.observe(step.observation()));
      } else {
        // What lies on two sides of a restart is not compared.
        events.addAll(rules.finish());
        all.addAll(Event.Signature.of(observations, events));
        observations.clear();
        events.clear();
        rules.restarted(record.step());
      }
      progress.advance(1);
    }
    events.addAll(rules.finish());
    all.addAll(Event.Signature.of(observations, events));
    return all;
  }

  private static String source(Path run) {
    if (!Files.isReadable(run.resolve("run.json"))) {
      return "metrics file";
    }
    JsonNode json = RunFolder.json(run);
    JsonNode settings = json.path("settings");
    String what =
        settings.has("scenario")
            ? "demo --scenario " + settings.get("scenario").asText()
            : json.path("command").asText()
                + (settings.has("arch") ? " --arch " + settings.get("arch").asText() : "")
                + " "
                + json.path("network").asText();
    return what
        + "; "
        + settings.path("optimizer").asText()
        + "; seed "
        + settings.path("seed").asText();
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}
