package dynaxx.onnx;

import dynaxx.layer.Shape;
import dynaxx.onnx.ModelFile.Info;
import dynaxx.onnx.OnnxOptions.Input;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * The inputs of a graph as one input of a network: one after the other, each flattened, those that
 * all examples share left out.
 */
final class Inputs {

  /**
   * One input.
   *
   * @param info as the file states it
   * @param key what the options know it by
   * @param dims extents in the graph, its axis of examples included
   * @param axis of the examples in the graph, or -1 if the graph is that of one example without it
   * @param arrayAxis of the examples in an array of data
   * @param example extents of one example, without its axis
   * @param start of its values in the network's input
   * @param shared values that all examples share, or null
   */
  record Place(
      Info info,
      String key,
      long[] dims,
      int axis,
      int arrayAxis,
      long[] example,
      long start,
      Tensor shared) {

    String name() {
      return info.name();
    }

    long size() {
      return Dims.size(example);
    }

    private Place from(long at, String known) {
      return new Place(info, known, dims, axis, arrayAxis, example, at, shared);
    }
  }

  private final List<Place> places = new ArrayList<>();
  private final OnnxOptions options;
  private final long count;

  /**
   * Looks at the inputs.
   *
   * @param infos all of the graph
   * @param needed names of those that the output depends on; the others are left out
   */
  Inputs(List<Info> infos, Set<String> needed, OnnxOptions options) {
    this.options = options;
    List<String> names = infos.stream().map(Info::name).toList();
    Map<String, String> keys = keys(names, options);
    long start = 0;
    for (Info info : infos) {
      if (!needed.contains(info.name())) {
        continue;
      }
      boolean several = needed.size() > 1 && !keys.containsKey(info.name());
      if (several && (options.inputShape().isPresent() || !options.inputs().isEmpty())) {
        throw new OnnxException(
            "model: found inputs "
                + names
                + ", expected data for each, also for '"
                + info.name()
                + "'");
      }
      String key = keys.get(info.name());
      Place place = place(info, key == null ? null : options.inputs().get(key));
      places.add(place.from(start, key));
      start += place.shared() == null ? place.size() : 0;
    }
    count = examples();
    if (start > Integer.MAX_VALUE) {
      throw new OnnxException("model: found " + start + " values of one example, expected < 2^31");
    }
  }

  /** What the options know the inputs by: their names, or their places. */
  private static Map<String, String> keys(List<String> names, OnnxOptions options) {
    Map<String, String> keys = new LinkedHashMap<>();
    for (String key : options.inputs().keySet()) {
      int at = names.indexOf(key);
      for (int i = 0; i < names.size() && at < 0; i++) {
        at = key.equals(OnnxOptions.Input.place(i)) ? i : -1;
      }
      if (at < 0) {
        throw new OnnxException("inputs: found '" + key + "', expected some of " + names);
      }
      if (keys.put(names.get(at), key) != null) {
        throw new OnnxException("inputs: found data for '" + names.get(at) + "' twice");
      }
    }
    return keys;
  }

  List<Place> places() {
    return places;
  }

  /** Those that differ from example to example. */
  List<Place> data() {
    return places.stream().filter(p -> p.shared() == null).toList();
  }

  /** Examples of the graph: a number, {@link Examples#OPEN}, or 1 if it is that of one example. */
  long count() {
    return count;
  }

  /** Whether the graph has an axis of examples that has to be followed. */
  boolean tracked() {
    return count != 1;
  }

  private long examples() {
    List<Long> counts =
        data().stream().map(p -> p.axis() < 0 ? 1L : p.dims()[p.axis()]).distinct().toList();
    if (counts.size() > 1) {
      throw new OnnxException(
          "model: found inputs "
              + data().stream().map(this::text).toList()
              + ", expected the same number of examples in each; an input that all examples share"
              + " has to be named as such");
    }
    return counts.isEmpty() ? 1 : counts.getFirst();
  }

  private String text(Place p) {
    return p.name()
        + Arrays.toString(Arrays.stream(p.dims()).map(d -> d == Examples.OPEN ? -1 : d).toArray());
  }

  private static String label(Info info) {
    return "input '" + info.name() + "'";
  }

  private Place place(Info info, Input given) {
    boolean known =
        StoredTensor.isFloat(info.type())
            || StoredTensor.isWhole(info.type())
            || info.type() == StoredTensor.BOOL;
    if (!known) {
      throw new OnnxException(
          label(info)
              + ": found values of type "
              + StoredTensor.typeName(info.type())
              + ", expected floats, integers or bool");
    }
    long[] stated =
        info.dims() == null ? null : info.dims().stream().mapToLong(d -> d < 1 ? -1 : d).toArray();
    if (given != null && given.shared().isPresent()) {
      return shared(info, stated, given);
    }
    if (given != null) {
      return ofArray(info, stated, Dims.of(given.array()), given.axis().orElse(-1));
    }
    return ofFile(info, stated, options.inputShape().map(Dims::of).orElse(null));
  }

  private static Place shared(Info info, long[] stated, Input given) {
    long[] dims = Dims.of(given.array());
    requireFit(info, stated, dims, -1);
    float[] values = given.shared().get();
    if (values.length != given.array().size()) {
      throw new OnnxException(
          label(info) + ": found " + values.length + " values, expected " + given.array().size());
    }
    return new Place(info, "", dims, -1, -1, dims, 0, tensor(info, dims, values));
  }

  private static Tensor tensor(Info info, long[] dims, float[] values) {
    Tensor floats = Tensor.of(dims, values.clone());
    return StoredTensor.isFloat(info.type())
        ? floats
        : info.type() == StoredTensor.BOOL ? floats.toTruth() : floats.toWholes(info.type());
  }

  private static void requireFit(Info info, long[] stated, long[] found, int axis) {
    boolean fits = stated == null || stated.length == found.length;
    for (int a = 0; fits && stated != null && a < found.length; a++) {
      fits = a == axis || stated[a] < 0 || stated[a] == found[a];
    }
    if (!fits) {
      boolean examples = axis >= 0 && axis < stated.length;
      throw new OnnxException(
          label(info)
              + ": found "
              + (axis < 0 ? "values" : "examples")
              + " of shape "
              + Arrays.toString(axis < 0 ? found : Dims.without(found, axis))
              + ", expected "
              + Arrays.toString(examples ? Dims.without(stated, axis) : stated)
              + " (-1 is open)");
    }
  }

  /** From the shape of an array of data with all examples. */
  private static Place ofArray(Info info, long[] stated, long[] array, int wanted) {
    if (array.length == 0) {
      throw new OnnxException(label(info) + ": found a number, expected an axis of examples");
    }
    boolean bare = stated != null && stated.length == array.length - 1;
    int axis = bare ? Math.max(wanted, 0) : wanted >= 0 ? wanted : axis(stated, array);
    if (axis >= array.length) {
      throw new OnnxException(
          label(info) + ": found axis " + axis + " of examples, expected below " + array.length);
    }
    long[] example = Dims.without(array, axis);
    if (bare) {
      requireFit(info, stated, example, -1);
      return new Place(info, "", example, -1, axis, example, 0, null);
    }
    requireFit(info, stated, array, axis);
    long count = stated == null || stated[axis] < 0 ? Examples.OPEN : stated[axis];
    return new Place(info, "", Dims.with(array, axis, count), axis, axis, example, 0, null);
  }

  /** The first axis, unless only another one can be that of the examples. */
  private static int axis(long[] stated, long[] array) {
    boolean first = stated == null || stated.length != array.length || stated[0] < 0;
    if (first || stated[0] == 1 && array[0] != 1) {
      return 0;
    }
    int[] open = IntStream.range(1, stated.length).filter(a -> stated[a] < 0).toArray();
    if (open.length == 1) {
      return open[0];
    }
    int[] one =
        IntStream.range(1, stated.length).filter(a -> stated[a] == 1 && array[a] != 1).toArray();
    return one.length == 1 && stated[0] == array[0] ? one[0] : 0;
  }

  /** As the file states it, with the shape of one example where extents are open. */
  private static Place ofFile(Info info, long[] stated, long[] example) {
    if (stated != null && stated.length == 0) {
      throw new OnnxException(label(info) + ": found a scalar, expected an axis of examples");
    }
    int axis = stated == null || example != null ? 0 : axis(stated, stated);
    if (example == null) {
      boolean open =
          stated == null
              || IntStream.range(0, stated.length).anyMatch(a -> a != axis && stated[a] < 0);
      if (open) {
        throw new OnnxException(
            label(info)
                + ": found open extents "
                + (stated == null ? "" : Arrays.toString(stated))
                + ", expected the shape of one example: OnnxOptions.withInputShape states it");
      }
      long count = stated[axis] < 0 ? Examples.OPEN : stated[axis];
      long[] inner = Dims.without(stated, axis);
      Tensor.size(label(info), inner);
      return new Place(info, "", Dims.with(stated, axis, count), axis, axis, inner, 0, null);
    }
    boolean fits = stated == null || stated.length == example.length + 1;
    for (int a = 0; fits && stated != null && a < example.length; a++) {
      fits = stated[a + 1] < 0 || stated[a + 1] == example[a];
    }
    if (!fits) {
      throw new OnnxException(
          label(info)
              + ": found examples of shape "
              + Dims.shape(example)
              + ", expected "
              + Arrays.toString(Arrays.copyOfRange(stated, 1, stated.length))
              + " (-1 is open)");
    }
    long count = stated == null || stated[0] < 0 ? Examples.OPEN : stated[0];
    long[] dims = LongStream.concat(LongStream.of(count), Arrays.stream(example)).toArray();
    return new Place(info, "", dims, 0, 0, example, 0, null);
  }

  // ---- in a network

  /** Whether the network's input is that of one input of floats, and has its shape. */
  private boolean plain() {
    return data().size() == 1 && StoredTensor.isFloat(data().getFirst().info().type());
  }

  Shape networkInput() {
    List<Place> data = data();
    if (data.isEmpty()) {
      return Shape.of(1);
    }
    return plain()
        ? Dims.shape(data.getFirst().example())
        : Shape.of(Math.toIntExact(data.stream().mapToLong(Place::size).sum()));
  }

  /** Whether the only input consists of whole numbers. */
  boolean tokens() {
    return data().size() == 1 && StoredTensor.isWhole(data().getFirst().info().type());
  }

  /** The values of all inputs. */
  Map<String, Value> values(Draft draft) {
    Map<String, Value> values = new LinkedHashMap<>();
    for (Place p : places) {
      values.put(p.name(), p.shared() != null ? Value.shared(p.shared()) : value(draft, p));
    }
    return values;
  }

  private Value value(Draft draft, Place p) {
    Examples.requireRank(p.dims().length);
    Body body = body(draft, p);
    if (!tracked()) {
      return Value.shared(body.reshape(p.dims()));
    }
    return Value.batched(body, p.axis(), count);
  }

  private Body body(Draft draft, Place p) {
    if (StoredTensor.isWhole(p.info().type())) {
      return new Positions(positions(p));
    }
    Expr all = draft.input();
    Expr own = plain() ? all : all.slice(0, p.start(), p.size(), 1).reshape(p.example());
    return p.info().type() == StoredTensor.BOOL ? new Whole(own, StoredTensor.BOOL) : own;
  }

  private static Tensor positions(Place p) {
    Tensor range = Tensor.of(p.example(), new long[] {0}, false);
    long[] at = new long[range.count()];
    Arrays.setAll(at, i -> p.start() + i);
    return Tensor.of(p.example(), at, false);
  }

  @Override
  public String toString() {
    return places.stream().map(Place::name).filter(Objects::nonNull).toList().toString();
  }
}
