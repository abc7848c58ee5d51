package dynaxx.spark;

import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerBlockUpdated;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.storage.BlockUpdatedInfo;

/** Counts the bytes that Spark moves. */
final class Traffic extends SparkListener {

  private final AtomicLong down = new AtomicLong();
  private final AtomicLong across = new AtomicLong();
  private final AtomicLong up = new AtomicLong();

  /** Pieces of broadcasts that came to executors, tasks' code included. */
  @Override
  public void onBlockUpdated(SparkListenerBlockUpdated event) {
    BlockUpdatedInfo block = event.blockUpdatedInfo();
    if (block.blockId().isBroadcast()
        && block.storageLevel().isValid()
        && !block.blockManagerId().isDriver()) {
      down.addAndGet(block.memSize() + block.diskSize());
    }
  }

  @Override
  public void onTaskEnd(SparkListenerTaskEnd event) {
    TaskMetrics metrics = event.taskMetrics();
    up.addAndGet(metrics.resultSize());
    across.addAndGet(metrics.shuffleWriteMetrics().bytesWritten());
  }

  /** From the driver to executors, from executors to executors, and to the driver. */
  long[] taken() {
    return new long[] {down.getAndSet(0), across.getAndSet(0), up.getAndSet(0)};
  }
}
