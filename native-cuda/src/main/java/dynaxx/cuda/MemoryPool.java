package dynaxx.cuda;

import dynaxx.device.MemoryExhaustedException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/**
 * Device memory by size class. What is given back is kept for the next request of its class,
 * because allocating waits for the device; when memory runs out, what is kept is freed first. Four
 * classes for each power of two waste a fifth at most; above 64 MiB, steps of 2 MiB waste a
 * thirtieth. One stream uses all of it in order, so a block may be used again as soon as it was
 * given back.
 */
final class MemoryPool implements AutoCloseable {

  /** System property: {@code off} frees at once what is given back, for looking for errors. */
  static final String CACHE_PROPERTY = "dynaxx.cuda.cache";

  private static final long SMALLEST = 256;

  /** Above this, sizes go in steps of what the driver maps at a time. */
  private static final long LARGE = 64L << 20;

  private static final long PAGE = 2L << 20;

  private final Driver driver;
  private final long limit;
  private final long total;
  private final Runnable wait;
  private final boolean caches = !"off".equals(System.getProperty(CACHE_PROPERTY));
  private final Map<Long, Deque<Block>> kept = new HashMap<>();
  private final Set<Block> live = new HashSet<>();
  private long liveBytes;
  private long keptBytes;

  /** A run of device memory with an owner. */
  static final class Block {
    private final long address;
    private final long bytes;
    private final String purpose;
    private boolean open = true;

    private Block(long address, long bytes, String purpose) {
      this.address = address;
      this.bytes = bytes;
      this.purpose = purpose;
    }

    /**
     * Where it starts.
     *
     * @return device address
     * @throws IllegalStateException after it was given back
     */
    long address() {
      if (!open) {
        throw new IllegalStateException("device memory: its scope is closed");
      }
      return address;
    }

    /**
     * How much there is.
     *
     * @return at least what was asked for
     */
    long bytes() {
      return bytes;
    }
  }

  MemoryPool(Driver driver, long limit, long total, Runnable wait) {
    this.driver = driver;
    this.limit = limit;
    this.total = total;
    this.wait = wait;
  }

  /**
   * Takes memory, which holds anything.
   *
   * @param bytes at least 0
   * @param purpose for messages
   * @return the block
   * @throws MemoryExhaustedException if there is none; nothing was taken then
   */
  Block take(long bytes, String purpose) {
    long size = caches ? sizeClass(bytes) : Math.max(bytes, 1);
    Deque<Block> free = kept.get(size);
    long address;
    if (free != null && !free.isEmpty()) {
      address = free.pop().address;
      keptBytes -= size;
    } else {
      address = allocate(bytes, size);
    }
    Block block = new Block(address, size, purpose);
    live.add(block);
    liveBytes += size;
    return block;
  }

  private long allocate(long asked, long size) {
    if (liveBytes + size > limit) {
      throw exhausted(asked, "the limit is " + text(limit));
    }
    if (liveBytes + keptBytes + size > limit) {
      trim();
    }
    OptionalLong address = driver.memory().allocate(size);
    if (address.isEmpty() && keptBytes > 0) {
      trim();
      address = driver.memory().allocate(size);
    }
    return address.orElseThrow(
        () -> {
          DriverMemory.MemoryInfo info = driver.memory().memoryInfo();
          long others = Math.max(0, info.total() - info.free() - liveBytes);
          return exhausted(
              asked,
              text(info.free()) + " of " + text(total) + " are free, others hold " + text(others));
        });
  }

  private MemoryExhaustedException exhausted(long asked, String state) {
    Map<String, Long> holders = new TreeMap<>();
    live.forEach(b -> holders.merge(b.purpose, b.bytes, Long::sum));
    StringBuilder held = new StringBuilder();
    holders.forEach(
        (purpose, bytes) -> held.append(", ").append(text(bytes)).append(" for ").append(purpose));
    return new MemoryExhaustedException(
        "device memory: asked for "
            + text(asked)
            + ", "
            + state
            + ", held here "
            + text(liveBytes)
            + held);
  }

  private static String text(long bytes) {
    return bytes < 10L << 20 ? bytes + " bytes" : (bytes >> 20) + " MiB";
  }

  static long sizeClass(long bytes) {
    long size = Math.max(bytes, SMALLEST);
    long step = size > LARGE ? PAGE : Math.max(SMALLEST, Long.highestOneBit(size) / 4);
    return Math.ceilDiv(size, step) * step;
  }

  /**
   * Takes a block back.
   *
   * @param block not used again; giving it back twice is harmless
   */
  void giveBack(Block block) {
    if (!block.open) {
      return;
    }
    block.open = false;
    live.remove(block);
    liveBytes -= block.bytes;
    if (caches) {
      kept.computeIfAbsent(block.bytes, size -> new ArrayDeque<>()).push(block);
      keptBytes += block.bytes;
    } else {
      driver.memory().free(block.address);
    }
  }

  /** Frees what was given back and not asked for again, once the device is done with it. */
  void trim() {
    if (keptBytes > 0) {
      wait.run();
      freeKept();
    }
  }

  private void freeKept() {
    for (Deque<Block> blocks : kept.values()) {
      while (!blocks.isEmpty()) {
        Block block = blocks.pop();
        keptBytes -= block.bytes;
        driver.memory().free(block.address);
      }
    }
  }

  /**
   * Memory that has an owner.
   *
   * @return bytes
   */
  long liveBytes() {
    return liveBytes;
  }

  /**
   * Memory that may still be taken.
   *
   * @return bytes, by the limit and by what the device has free
   */
  long available() {
    return Math.min(limit - liveBytes, driver.memory().memoryInfo().free() + keptBytes);
  }

  /** Frees everything, whatever still has an owner; the device is done with it. */
  @Override
  public void close() {
    freeKept();
    for (Block block : Set.copyOf(live)) {
      block.open = false;
      driver.memory().free(block.address);
    }
    live.clear();
    liveBytes = 0;
  }
}
