package dynaxx.nativecpu;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Convolutions with one instruction set, and the shapes that its tiles have. */
final class ConvolutionFunctions {

  private static final MemoryLayout POINTER = ValueLayout.ADDRESS;
  private static final MemoryLayout LONG = ValueLayout.JAVA_LONG;

  private final MethodHandle packWeights;
  private final MethodHandle convolve;
  private final MethodHandle layOut;
  private final MethodHandle weightDots;
  private final MethodHandle layOutPixels;
  private final MethodHandle weightProducts;
  private final MethodHandle weightPart;
  private final MethodHandle addWeights;
  private final MethodHandle planeSum;
  private final int[] geometry;

  ConvolutionFunctions(SymbolLookup library, String suffix) {
    packWeights =
        Downcalls.function(
            library,
            "pack_weights_" + suffix,
            FunctionDescriptor.ofVoid(POINTER, POINTER, POINTER, POINTER, POINTER, LONG));
    convolve =
        Downcalls.function(
            library,
            "convolve_" + suffix,
            FunctionDescriptor.ofVoid(
                POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, LONG));
    layOut =
        Downcalls.function(
            library,
            "lay_out_" + suffix,
            FunctionDescriptor.ofVoid(POINTER, POINTER, POINTER, POINTER, POINTER, LONG));
    weightDots =
        Downcalls.function(
            library,
            "weight_dots_" + suffix,
            FunctionDescriptor.ofVoid(POINTER, POINTER, POINTER, POINTER, POINTER, LONG));
    layOutPixels =
        Downcalls.function(
            library,
            "lay_out_pixels_" + suffix,
            FunctionDescriptor.ofVoid(POINTER, POINTER, POINTER, POINTER, POINTER, LONG));
    weightProducts =
        Downcalls.function(
            library,
            "weight_products_" + suffix,
            FunctionDescriptor.ofVoid(POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, LONG));
    weightPart =
        Downcalls.function(
            library,
            "weight_part_" + suffix,
            FunctionDescriptor.ofVoid(
                POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, LONG));
    addWeights =
        Downcalls.function(
            library,
            "add_weights_" + suffix,
            FunctionDescriptor.ofVoid(POINTER, POINTER, POINTER, LONG));
    planeSum =
        Downcalls.function(
            library,
            "plane_sum_" + suffix,
            FunctionDescriptor.of(ValueLayout.JAVA_DOUBLE, POINTER, LONG, LONG, LONG, LONG));
    long[] numbers = Downcalls.numbers(library, "convolution_geometry_" + suffix, 7);
    geometry = new int[numbers.length];
    for (int i = 0; i < geometry.length; i++) {
      geometry[i] = Math.toIntExact(numbers[i]);
    }
  }

  /** Planes of a register tile. */
  int tilePlanes() {
    return geometry[0];
  }

  /** Values of a tile's row. */
  int tileCols() {
    return geometry[1];
  }

  /** Packed weights from plane to plane. */
  int pitch() {
    return geometry[2];
  }

  /** Length of the sums. */
  int run() {
    return geometry[3];
  }

  /** Outputs whose gradients a task takes. */
  int dotOutputs() {
    return geometry[4];
  }

  /** Elements of windows whose gradients a task takes. */
  int dotElements() {
    return geometry[5];
  }

  /** Values that are read behind the last place. */
  int behind() {
    return geometry[6];
  }

  /** Packs the weights of one plane of a member for all passes. */
  void packWeights(
      MemorySegment call,
      MemorySegment passes,
      MemorySegment lists,
      MemorySegment w,
      MemorySegment packed,
      long task) {
    try {
      packWeights.invokeExact(call, passes, lists, w, packed, task);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /** Some planes of some images. */
  void convolve(
      MemorySegment call,
      MemorySegment passes,
      MemorySegment lists,
      MemorySegment x,
      MemorySegment packed,
      MemorySegment bias,
      MemorySegment y,
      MemorySegment work,
      long task) {
    try {
      convolve.invokeExact(call, passes, lists, x, packed, bias, y, work, task);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /** Lays out an image, and its adjoints for all directions. */
  void layOut(
      MemorySegment call,
      MemorySegment x,
      MemorySegment dy,
      MemorySegment data,
      MemorySegment rows,
      long task) {
    try {
      layOut.invokeExact(call, x, dy, data, rows, task);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /** Some outputs of a direction with some elements of the window. */
  void weightDots(
      MemorySegment call,
      MemorySegment starts,
      MemorySegment data,
      MemorySegment rows,
      MemorySegment dw,
      long task) {
    try {
      weightDots.invokeExact(call, starts, data, rows, dw, task);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /** Lays out an image, channels last, and its adjoints for all directions. */
  void layOutPixels(
      MemorySegment call,
      MemorySegment x,
      MemorySegment dy,
      MemorySegment data,
      MemorySegment rows,
      long task) {
    try {
      layOutPixels.invokeExact(call, x, dy, data, rows, task);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /** Some outputs of a direction with some blocks of columns. */
  void weightProducts(
      MemorySegment call,
      MemorySegment starts,
      MemorySegment blocks,
      MemorySegment data,
      MemorySegment rows,
      MemorySegment total,
      long task) {
    try {
      weightProducts.invokeExact(call, starts, blocks, data, rows, total, task);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /** Both for a part of the images. */
  void weightPart(
      MemorySegment call,
      MemorySegment starts,
      MemorySegment blocks,
      MemorySegment x,
      MemorySegment dy,
      MemorySegment total,
      MemorySegment work,
      long task) {
    try {
      weightPart.invokeExact(call, starts, blocks, x, dy, total, work, task);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /** Adds the total of an output of a direction to its gradient. */
  void addWeights(MemorySegment call, MemorySegment total, MemorySegment dw, long task) {
    try {
      addWeights.invokeExact(call, total, dw, task);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /** The sum of one plane of all images, in float64. */
  double planeSum(MemorySegment from, long at, long images, long step, long size) {
    try {
      return (double) planeSum.invokeExact(from, at, images, step, size);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }
}
