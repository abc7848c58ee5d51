package dynaxx.backend;

import dynaxx.testing.TestBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Every backend that can be used here, in every configuration worth telling apart. */
final class Configurations {

  private static final String SIMD = "dynaxx.simd";

  private Configurations() {}

  /**
   * A way to open a backend.
   *
   * @param name for test reports
   * @param group configurations of one group must agree to the bit
   * @param open opens the backend, or the one that it belongs to
   * @param wide whether its {@link Backend#float64} is meant
   */
  record Configuration(String name, String group, Supplier<Backend> open, boolean wide) {

    /** The backend meant, given what {@code open} has opened. */
    Backend of(Backend opened) {
      return wide ? opened.float64().orElseThrow() : opened;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static List<Configuration> all() {
    List<Configuration> found = new ArrayList<>();
    for (BackendProvider provider : Backends.providers()) {
      if (provider.availability() instanceof Availability.Unavailable) {
        continue;
      }
      if (!provider.name().equals(System.getProperty(TestBackend.PROPERTY, provider.name()))) {
        continue;
      }
      boolean host = provider.name().equals("cpu");
      for (int threads : host ? new int[] {1, 2, 4} : new int[] {1}) {
        String name = provider.name() + ", threads " + threads;
        Supplier<Backend> open = () -> provider.open(threads);
        found.add(new Configuration(name, provider.name(), open, false));
        if (hasFloat64(provider)) {
          found.add(new Configuration(name + ", float64", provider.name() + "64", open, true));
        }
      }
      if (host) {
        found.add(new Configuration("cpu, plain Java", "scalar", () -> scalar(provider, 1), false));
        found.add(
            new Configuration("cpu, plain Java, 2", "scalar", () -> scalar(provider, 2), false));
      }
    }
    if (found.isEmpty()) {
      throw new IllegalStateException(
          "no backend to test: " + System.getProperty(TestBackend.PROPERTY));
    }
    return found;
  }

  private static boolean hasFloat64(BackendProvider provider) {
    try (Backend backend = provider.open(1)) {
      return backend.float64().isPresent();
    }
  }

  private static Backend scalar(BackendProvider provider, int threads) {
    String before = System.getProperty(SIMD);
    System.setProperty(SIMD, "off");
    try {
      return provider.open(threads);
    } finally {
      if (before == null) {
        System.clearProperty(SIMD);
      } else {
        System.setProperty(SIMD, before);
      }
    }
  }
}
