package dynaxx.device.cpu;

import dynaxx.device.Turns;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * A fixed set of daemon threads that share the tasks of one call at a time with the caller; calls
 * of several threads take turns. How work is cut into tasks is the caller's business and must not
 * depend on the number of threads; which thread runs which task does, so tasks write to places of
 * their own.
 */
final class WorkerPool implements AutoCloseable {

  /** One piece of a call. */
  @FunctionalInterface
  interface Body {
    void run(int task, Scratch scratch);
  }

  /** Below this many elementary steps in all, waking a thread costs more than it saves. */
  private static final long INLINE_WORK = 16_384;

  private static final int SPINS = 20_000;

  private final Turns turns = new Turns();
  private final Scratch[] scratch;
  private final Worker[] workers;
  private final boolean spin;
  private volatile Job current;
  private volatile boolean closed;

  WorkerPool(int threads) {
    scratch = new Scratch[threads];
    for (int i = 0; i < threads; i++) {
      scratch[i] = new Scratch();
    }
    spin = threads <= Runtime.getRuntime().availableProcessors();
    workers = new Worker[threads - 1];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker(i + 1);
      workers[i].start();
    }
  }

  Turns turns() {
    return turns;
  }

  int threads() {
    return scratch.length;
  }

  /** Number of threads, for run reports. */
  String description() {
    return scratch.length + (scratch.length == 1 ? " thread" : " threads");
  }

  /**
   * Runs all tasks and returns when they are done. The first failure is thrown, after the tasks
   * that had begun have ended.
   *
   * @param tasks how many
   * @param workPerTask rough number of elementary steps of one task
   * @param body what each does
   */
  void run(int tasks, long workPerTask, Body body) {
    turns.take(() -> runNow(tasks, workPerTask, body));
  }

  private void runNow(int tasks, long workPerTask, Body body) {
    if (closed) {
      throw new IllegalStateException("cpu device: already closed");
    }
    if (tasks <= 1 || workers.length == 0 || workPerTask < INLINE_WORK / tasks) {
      for (int task = 0; task < tasks; task++) {
        body.run(task, scratch[0]);
      }
      return;
    }
    Job job = new Job(body, tasks);
    current = job;
    int helpers = Math.min(workers.length, tasks - 1);
    for (int i = 0; i < helpers; i++) {
      workers[i].wake();
    }
    job.work(scratch[0]);
    job.await(spin);
    current = null;
    job.rethrow();
  }

  @Override
  public void close() {
    closed = true;
    for (Worker worker : workers) {
      LockSupport.unpark(worker);
    }
  }

  /** The tasks of one call, handed out in order. */
  private static final class Job {
    private final Body body;
    private final int tasks;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger ended = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final Thread caller = Thread.currentThread();

    Job(Body body, int tasks) {
      this.body = body;
      this.tasks = tasks;
    }

    void work(Scratch scratch) {
      for (int task = next.getAndIncrement(); task < tasks; task = next.getAndIncrement()) {
        try {
          if (failure.get() == null) {
            body.run(task, scratch);
          }
        } catch (Throwable t) {
          failure.compareAndSet(null, t);
        } finally {
          if (ended.incrementAndGet() == tasks && Thread.currentThread() != caller) {
            LockSupport.unpark(caller);
          }
        }
      }
    }

    void await(boolean spin) {
      int spins = spin ? SPINS : 0;
      while (ended.get() < tasks) {
        if (spins-- > 0) {
          Thread.onSpinWait();
        } else {
          LockSupport.parkNanos(this, 1_000_000);
        }
      }
    }

    void rethrow() {
      Throwable t = failure.get();
      if (t instanceof RuntimeException e) {
        throw e;
      }
      if (t instanceof Error e) {
        throw e;
      }
    }
  }

  private final class Worker extends Thread {
    private final int index;
    private volatile boolean parked;

    Worker(int index) {
      super("dynaxx-cpu-" + index);
      this.index = index;
      setDaemon(true);
    }

    void wake() {
      if (parked) {
        LockSupport.unpark(this);
      }
    }

    @Override
    public void run() {
      Job last = null;
      while (!closed) {
        Job job = awaitJob(last);
        if (job != null) {
          job.work(scratch[index]);
        }
        last = job;
      }
    }

    /** Spins for a while, since calls often follow each other, and then sleeps. */
    private Job awaitJob(Job last) {
      for (int i = spin ? SPINS : 0; i > 0; i--) {
        Job job = current;
        if (job != null && job != last) {
          return job;
        }
        Thread.onSpinWait();
      }
      parked = true;
      try {
        while (!closed) {
          Job job = current;
          if (job != null && job != last) {
            return job;
          }
          LockSupport.park(WorkerPool.this);
          if (Thread.interrupted()) {
            continue; // nobody has reason to interrupt a worker; a set flag would make park return
            // at once for ever
          }
        }
        return null;
      } finally {
        parked = false;
      }
    }
  }
}
