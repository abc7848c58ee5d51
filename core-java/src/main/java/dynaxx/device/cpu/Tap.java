package dynaxx.device.cpu;

import dynaxx.kernel.ConvolutionKernels.Convolution;
import java.util.ArrayList;
import java.util.List;

/** Element (i, j) of a window over a channel. */
public record Tap(int channel, int i, int j) {

  /** All elements of a window, in the order of its weights. */
  public static List<Tap> all(int channels, Convolution s) {
    List<Tap> taps = new ArrayList<>();
    for (int c = 0; c < channels; c++) {
      for (int i = 0; i < s.y().kernel(); i++) {
        for (int j = 0; j < s.x().kernel(); j++) {
          taps.add(new Tap(c, i, j));
        }
      }
    }
    return taps;
  }

  /** Where the run starts that it meets in the inputs. */
  public int start(ImageGrid inputs, Convolution s) {
    return channel * inputs.channel() + inputs.start(i * s.y().dilation(), j * s.x().dilation());
  }
}
