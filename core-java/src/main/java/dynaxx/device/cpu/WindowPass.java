package dynaxx.device.cpu;

import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Windows.Sliding;
import java.util.ArrayList;
import java.util.List;

/**
 * Sums over windows that all have the same elements, for one cut of the planes that are written.
 * The run that an element meets, from place to place, is one run of an {@link ImageGrid}.
 *
 * @param starts of the runs that the elements of a window meet in the pixels of a group
 * @param elements of the weights of a plane, one for each run
 * @param rows of places
 * @param columns of places
 * @param first pixel of the plane that is written
 * @param rowStep from row to row of that plane
 * @param step from column to column
 */
public record WindowPass(
    int[] starts, int[] elements, int rows, int columns, int first, int rowStep, int step) {

  /** Of a convolution's outputs: one pass, over all elements. */
  public static WindowPass ofOutputs(Convolution s, ImageGrid inputs) {
    int[] starts =
        Tap.all(s.channels() / s.groups(), s).stream()
            .mapToInt(tap -> tap.start(inputs, s))
            .toArray();
    int[] elements = new int[starts.length];
    for (int p = 0; p < elements.length; p++) {
      elements[p] = p;
    }
    return new WindowPass(starts, elements, s.y().count(), s.x().count(), 0, s.x().count(), 1);
  }

  /**
   * Of the gradient of a convolution's inputs: one pass for each remainder of a pixel's row and
   * column by the strides, over the elements that meet it.
   */
  public static List<WindowPass> ofInputs(Convolution s, ImageGrid outputs) {
    List<Tap> all = Tap.all(s.outputs() / s.groups(), s);
    List<WindowPass> passes = new ArrayList<>();
    for (int y = 0; y < s.y().stride(); y++) {
      for (int x = 0; x < s.x().stride(); x++) {
        passes.add(ofInputs(s, outputs, all, y, x));
      }
    }
    return passes;
  }

  private static WindowPass ofInputs(
      Convolution s, ImageGrid grid, List<Tap> all, int remainderY, int remainderX) {
    Sliding y = s.y();
    Sliding x = s.x();
    List<Tap> taps =
        all.stream()
            .filter(t -> t.i() * y.dilation() % y.stride() == remainderY)
            .filter(t -> t.j() * x.dilation() % x.stride() == remainderX)
            .toList();
    int top = ImageGrid.firstPlace(y, remainderY);
    int left = ImageGrid.firstPlace(x, remainderX);
    int[] starts =
        taps.stream()
            .mapToInt(
                t ->
                    t.channel() * grid.channel()
                        + (top + grid.top() - t.i() * y.dilation() / y.stride()) * grid.pitch()
                        + (left + grid.left() - t.j() * x.dilation() / x.stride()))
            .toArray();
    int[] elements =
        taps.stream().mapToInt(t -> t.channel() * s.depth() + t.i() * x.kernel() + t.j()).toArray();
    int firstY = top * y.stride() + remainderY - y.before();
    int firstX = left * x.stride() + remainderX - x.before();
    return new WindowPass(
        starts,
        elements,
        Math.max(0, Math.ceilDiv(y.size() - firstY, y.stride())),
        Math.max(0, Math.ceilDiv(x.size() - firstX, x.stride())),
        firstY * x.size() + firstX,
        y.stride() * x.size(),
        x.stride());
  }

  /** Elements of a window. */
  public int depth() {
    return starts.length;
  }
}
