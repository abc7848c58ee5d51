package dynaxx.nativecpu;

import dynaxx.device.cpu.NativeKernels;
import java.util.Locale;
import java.util.Optional;

/** The service that the CPU device finds. */
public final class NativeCpu implements NativeKernels {

  /** For {@link java.util.ServiceLoader}. */
  public NativeCpu() {}

  @Override
  public Optional<String> unavailable(Precision precision) {
    try {
      level(precision);
      return Optional.empty();
    } catch (UnavailableException e) {
      return Optional.of(e.getMessage());
    }
  }

  @Override
  public Families open(Precision precision, Tasks tasks, int threads) {
    try {
      Level level = level(precision);
      return new Families(
          level.description(),
          new NativeGemm(level, tasks, threads),
          new NativeConvolutions(level.convolutions(), tasks));
    } catch (UnavailableException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  private static Level level(Precision precision) throws UnavailableException {
    String wanted = System.getProperty(Library.LEVEL_PROPERTY, "auto");
    wanted = wanted.trim().toLowerCase(Locale.ROOT);
    if (wanted.equals("off")) {
      throw new UnavailableException("-D" + Library.LEVEL_PROPERTY + "=off");
    }
    return Library.open().level(precision, wanted);
  }
}
