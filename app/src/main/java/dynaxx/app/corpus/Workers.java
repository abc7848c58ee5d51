package dynaxx.app.corpus;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/** Does tasks side by side. */
final class Workers {

  private Workers() {}

  /**
   * Does all of them, or as many as are done before the first that fails.
   *
   * @param threads how many at once
   * @param done called with each result, in the order in which they come
   */
  static void run(List<Callable<String>> tasks, int threads, Consumer<String> done)
      throws IOException, InterruptedException {
    ExecutorService workers = Executors.newFixedThreadPool(threads);
    try {
      CompletionService<String> results = new ExecutorCompletionService<>(workers);
      tasks.forEach(results::submit);
      for (int i = 0; i < tasks.size(); i++) {
        done.accept(results.take().get());
      }
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException io -> throw io;
        case RuntimeException problem -> throw problem;
        case Error error -> throw error;
        default -> throw new IllegalStateException(e.getCause());
      }
    } finally {
      workers.shutdownNow();
      workers.close();
    }
  }
}
