package dynaxx.spark;

import dynaxx.testing.KnownCase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The examples of a case with known curvature, divided into partitions. */
final class KnownData {

  private KnownData() {}

  /** Partitions with so many examples each; two blocks for each that has two or more. */
  static List<List<Examples>> partitions(KnownCase c, int... sizes) {
    float[] inputs = floats(c.array("inputs"));
    float[] targets = floats(c.array("targets"));
    List<List<Examples>> partitions = new ArrayList<>();
    int from = 0;
    for (int size : sizes) {
      List<Examples> blocks = new ArrayList<>();
      int first = size / 2;
      add(blocks, c, inputs, targets, from, first);
      add(blocks, c, inputs, targets, from + first, size - first);
      partitions.add(blocks);
      from += size;
    }
    return partitions;
  }

  private static void add(
      List<Examples> to, KnownCase c, float[] inputs, float[] targets, int from, int count) {
    if (count > 0) {
      int in = (int) c.network().inputShape().size();
      int out = (int) c.loss().targetSize(c.network().outputShape());
      to.add(
          new Examples(
              Arrays.copyOfRange(inputs, from * in, (from + count) * in),
              Arrays.copyOfRange(targets, from * out, (from + count) * out)));
    }
  }

  static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }
}
