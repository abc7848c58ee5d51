package dynaxx.cuda;

import dynaxx.device.MemoryExhaustedException;
import dynaxx.kernel.GemmKernels;
import dynaxx.memory.Buffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * TF32 parts of factors that many products share. They stay where they are, so that recorded graphs
 * find them; after the factors have changed they are written again before the next product. Where
 * there is no memory, a product splits its factor itself.
 */
final class KeptFactors implements GemmKernels.Fixed {

  /** Where a factor lies and how it is split. */
  private record Key(long from, SplitFactor.Layout layout, int order) {}

  private record Entry(SplitFactor factor, MemoryPool.Block block) {}

  private final Launcher launcher;
  private final Gemm gemm;
  private final TreeMap<Long, Long> ends = new TreeMap<>();
  private final Map<Key, Entry> entries = new HashMap<>();
  private long free;
  private boolean stale;

  KeptFactors(Launcher launcher, Gemm gemm, List<Buffer> factors, long bytes) {
    this.launcher = launcher;
    this.gemm = gemm;
    this.free = bytes;
    for (Buffer factor : factors) {
      long from = Launcher.address(factor);
      ends.put(from, from + factor.size() * launcher.elementBytes());
    }
  }

  @Override
  public void during(Runnable work) {
    if (stale) {
      entries.forEach((key, entry) -> write(key, entry));
      stale = false;
    }
    gemm.useDuring(this, work);
  }

  @Override
  public void changed() {
    stale = true;
  }

  /**
   * Parts of a factor.
   *
   * @return their address, or 0 if they are not kept
   */
  long parts(SplitFactor factor, long from, int order) {
    Map.Entry<Long, Long> around = ends.floorEntry(from);
    if (around == null || from >= around.getValue()) {
      return 0;
    }
    Key key = new Key(from, factor.layout(), order);
    Entry entry = entries.get(key);
    if (entry == null) {
      entry = add(key, factor);
    }
    return entry == null ? 0 : entry.block().address();
  }

  private Entry add(Key key, SplitFactor factor) {
    long bytes = factor.size() * launcher.elementBytes();
    if (bytes > free || launcher.session().capturing()) {
      return null;
    }
    Entry entry;
    try {
      entry = new Entry(factor, launcher.session().pool().take(bytes, "split factors"));
    } catch (MemoryExhaustedException e) {
      free = 0;
      return null;
    }
    free -= entry.block().bytes();
    entries.put(key, entry);
    write(key, entry);
    return entry;
  }

  private void write(Key key, Entry entry) {
    entry.factor().write(launcher, key.from(), entry.block().address(), key.order());
  }

  void close() {
    entries.values().forEach(entry -> launcher.session().giveBack(entry.block()));
    entries.clear();
    ends.clear();
  }
}
