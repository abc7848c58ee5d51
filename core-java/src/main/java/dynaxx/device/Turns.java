package dynaxx.device;

import java.util.IdentityHashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Lets the threads that use one device take turns. Operators of one device may be used from any
 * threads, virtual ones included: their calls are served one after the other, with the same bits as
 * alone. An object with a state of its own, such as an operator, serves one thread at a time; a
 * second one is refused at once.
 */
public final class Turns {

  private static final class Use {
    private final Thread thread = Thread.currentThread();
    private int depth;
  }

  private final ReentrantLock device = new ReentrantLock();
  private final Map<Object, Use> inUse = new IdentityHashMap<>();

  /** For devices: one for each device, shared with its float64 twin. */
  public Turns() {}

  /**
   * Waits until the device is free, does the work, and frees it. A thread may take a turn within
   * its own.
   *
   * @param work uses the device
   * @param <T> type of the result
   * @return what the work returns
   */
  public <T> T take(Supplier<T> work) {
    device.lock();
    try {
      return work.get();
    } finally {
      device.unlock();
    }
  }

  /**
   * {@link #take(Supplier)} without a result.
   *
   * @param work uses the device
   */
  public void take(Runnable work) {
    device.lock();
    try {
      work.run();
    } finally {
      device.unlock();
    }
  }

  /**
   * Does work of an object that serves one thread at a time. Other objects may use the device
   * meanwhile.
   *
   * @param owner the object
   * @param name what it is, for the message
   * @param work of this object
   * @param <T> type of the result
   * @return what the work returns
   * @throws IllegalStateException if another thread is using the object
   */
  public <T> T alone(Object owner, String name, Supplier<T> work) {
    enter(owner, name);
    try {
      return work.get();
    } finally {
      leave(owner);
    }
  }

  /**
   * Does work of an object that serves one thread at a time, while no other thread uses the device.
   *
   * @param owner the object
   * @param name what it is, for the message
   * @param work of this object; must not wait for another thread that uses the device
   * @param <T> type of the result
   * @return what the work returns
   * @throws IllegalStateException if another thread is using the object
   */
  public <T> T serve(Object owner, String name, Supplier<T> work) {
    return alone(owner, name, () -> take(work));
  }

  private void enter(Object owner, String name) {
    synchronized (inUse) {
      Use use = inUse.computeIfAbsent(owner, key -> new Use());
      if (use.thread != Thread.currentThread()) {
        throw new IllegalStateException(
            name
                + ": found a call by thread '"
                + Thread.currentThread().getName()
                + "' while '"
                + use.thread.getName()
                + "' is using it, expected one thread at a time; give each thread its own");
      }
      use.depth++;
    }
  }

  private void leave(Object owner) {
    synchronized (inUse) {
      if (--inUse.get(owner).depth == 0) {
        inUse.remove(owner);
      }
    }
  }
}
