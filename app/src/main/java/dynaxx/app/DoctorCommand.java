package dynaxx.app;

import dynaxx.app.run.Hardware;
import dynaxx.device.Device;
import dynaxx.device.DeviceProvider;
import dynaxx.device.Devices;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Says what dynaxx finds on this machine, and why it does not use more of it. */
@Command(
    name = "doctor",
    description =
        "Prints which JDK, machine and backends there are, which backend is used, and why the"
            + " better ones are not.",
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    line(out, "dynaxx", Main.version());
    line(out, "JDK", System.getProperty("java.vm.name") + " " + Runtime.version());
    line(out, "", System.getProperty("java.home"));
    var machine = Hardware.describe();
    line(
        out,
        "machine",
        machine.get("processor") + ", " + machine.get("processors") + " processors");
    line(out, "", machine.get("operating_system") + ", " + machine.get("architecture"));
    Optional<String> best = Optional.empty();
    for (DeviceProvider provider : Devices.providers()) {
      Optional<String> reason = provider.unavailable();
      if (reason.isPresent()) {
        line(out, provider.name(), "not available: " + reason.get());
        continue;
      }
      try (Device device = provider.open(Runtime.getRuntime().availableProcessors())) {
        line(out, provider.name(), device.description());
      }
      best = best.or(() -> Optional.of(provider.name()));
    }
    return chosen(out, best);
  }

  private Integer chosen(PrintWriter out, Optional<String> best) {
    String wanted = System.getProperty(Devices.DEVICE_PROPERTY, "auto").toLowerCase(Locale.ROOT);
    if (wanted.equals("auto")) {
      line(
          out, "used", best.map(name -> name + ", the best available").orElse("none is available"));
      return best.isPresent() ? 0 : 1;
    }
    String forced = " (-D" + Devices.DEVICE_PROPERTY + "=" + wanted + ")";
    boolean available =
        Devices.providers().stream()
            .anyMatch(p -> p.name().equals(wanted) && p.unavailable().isEmpty());
    line(out, "used", (available ? wanted : "none: " + wanted + " is not available") + forced);
    return available ? 0 : 1;
  }

  private static void line(PrintWriter out, String name, Object text) {
    out.printf("%-9s%s%n", name, text);
  }
}
