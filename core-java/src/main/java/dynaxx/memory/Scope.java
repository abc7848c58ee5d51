package dynaxx.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;

/**
 * Owner of memory and of other things to be freed with it. Scopes form a tree: closing one closes
 * its children and runs its registered actions, the latest first, then frees its memory. Closing
 * twice is harmless; using memory after close throws {@link IllegalStateException}.
 */
public final class Scope implements AutoCloseable {

  /** Alignment of every allocation in bytes: a cache line, and a whole 512-bit vector. */
  public static final long ALIGNMENT = 64;

  private final Scope parent;
  private final Deque<Runnable> owned = new ArrayDeque<>();
  private final Runnable closeFromParent = this::close;
  private boolean open = true;

  /** Made by the first allocation: to close a shared arena takes as long as a small kernel. */
  private Arena arena;

  private Scope(Scope parent) {
    this.parent = parent;
  }

  /**
   * Opens a scope that nobody else owns.
   *
   * @return the scope
   */
  public static Scope open() {
    return new Scope(null);
  }

  /**
   * Opens a scope that ends with this one at the latest.
   *
   * @return the child
   * @throws IllegalStateException if this scope is closed
   */
  public Scope child() {
    Scope child = new Scope(this);
    onClose(child.closeFromParent);
    return child;
  }

  /**
   * Allocates zeroed host memory, aligned to {@link #ALIGNMENT} bytes.
   *
   * @param size number of float32 values
   * @return the buffer, owned by this scope
   * @throws IllegalArgumentException if the size is negative
   * @throws IllegalStateException if this scope is closed
   */
  public synchronized HostBuffer allocate(long size) {
    requireOpen();
    if (size < 0) {
      throw new IllegalArgumentException("size: found " + size + ", expected at least 0");
    }
    if (arena == null) {
      arena = Arena.ofShared();
    }
    MemorySegment segment = arena.allocate(Math.multiplyExact(size, Float.BYTES), ALIGNMENT);
    return HostBuffer.of(segment);
  }

  /**
   * Allocates k zeroed vectors in host memory.
   *
   * @param count number of vectors k
   * @param length elements of each, n
   * @return the block, owned by this scope
   */
  public Vectors vectors(int count, long length) {
    return Vectors.of(allocate(Math.multiplyExact(length, count)), count, length);
  }

  /**
   * Registers an action for when this scope closes; later registrations run earlier.
   *
   * @param action frees something
   * @throws IllegalStateException if this scope is closed
   */
  public synchronized void onClose(Runnable action) {
    requireOpen();
    owned.push(action);
  }

  /**
   * Whether memory of this scope may still be used.
   *
   * @return false once closed
   */
  public synchronized boolean isOpen() {
    return open;
  }

  /**
   * Frees everything this scope owns. If several owners fail, the first failure is thrown with the
   * others suppressed.
   */
  @Override
  public void close() {
    List<Runnable> actions;
    synchronized (this) {
      if (!open) {
        return;
      }
      open = false;
      actions = new ArrayList<>(owned);
      owned.clear();
      if (arena != null) {
        actions.add(arena::close);
      }
    }
    if (parent != null) {
      actions.add(() -> parent.forget(closeFromParent));
    }
    runAll(actions.iterator());
  }

  private synchronized void forget(Runnable child) {
    owned.remove(child);
  }

  /** Runs every action, also when an earlier one fails. */
  private static void runAll(Iterator<Runnable> actions) {
    while (actions.hasNext()) {
      try {
        actions.next().run();
      } catch (RuntimeException | Error failure) {
        try {
          runAll(actions);
        } catch (RuntimeException | Error later) {
          failure.addSuppressed(later);
        }
        throw failure;
      }
    }
  }

  private void requireOpen() {
    if (!open) {
      throw new IllegalStateException("scope: already closed");
    }
  }
}
