package dynaxx.onnx;

import dynaxx.layer.Shape;
import dynaxx.network.op.Linear;
import dynaxx.network.op.MatMul;
import dynaxx.network.op.Operand;
import dynaxx.onnx.Elementwise.Arithmetic;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Matrix products. A product with a parameter or a constant becomes a layer. */
final class Products {

  private Products() {}

  static void register(Map<String, Operator> operators) {
    operators.put("MatMul", Operator.one(c -> matmul(c, c.in(0), c.in(1))));
    operators.put("Gemm", Operator.one(Products::gemm));
    operators.put("Einsum", Operator.one(Einsum::apply));
  }

  private static Value gemm(Call c) {
    Value a = oriented(c, c.in(0), "transA");
    Value b = oriented(c, c.in(1), "transB");
    Value product = matmul(c, a, b);
    product = scaled(c, product, c.number("alpha", 1));
    if (!c.has(2)) {
      return product;
    }
    return Elementwise.binary(c, Arithmetic.ADD, product, scaled(c, c.in(2), c.number("beta", 1)));
  }

  private static Value oriented(Call c, Value matrix, String attribute) {
    c.require(matrix.rank() == 2, matrix.rank() + " axes", "a matrix");
    boolean turned = c.whole(attribute, 0) != 0;
    return turned ? c.examples().transpose(matrix, new int[] {1, 0}) : matrix;
  }

  private static Value scaled(Call c, Value x, double factor) {
    return factor == 1
        ? x
        : Elementwise.binary(
            c, Arithmetic.MULTIPLY, x, Value.shared(Tensor.scalar((float) factor)));
  }

  /** The product over the last two axes as NumPy has it; the axes before repeat. */
  static Value matmul(Call c, Value a, Value b) {
    if (a.rank() < 1 || b.rank() < 1) {
      throw new OnnxException("found a scalar, expected tensors");
    }
    Examples examples = c.examples();
    if (a.rank() == 1) {
      Value row = matmul(c, examples.unsqueeze(a, 0), b);
      return examples.squeeze(row, row.rank() - (b.rank() == 1 ? 1 : 2));
    }
    if (b.rank() == 1) {
      Value column = matmul(c, a, examples.unsqueeze(b, 1));
      return examples.squeeze(column, column.rank() - 1);
    }
    if (a.dims()[a.rank() - 1] != b.dims()[b.rank() - 2]) {
      throw new OnnxException(
          "found shapes "
              + examples.text(a.dims())
              + " and "
              + examples.text(b.dims())
              + ", expected as many columns as rows");
    }
    examples.requireOther(a, a.rank() - 1, "a matrix product");
    examples.requireOther(b, b.rank() - 2, "a matrix product");
    boolean matrices = a.isConstant() && b.isConstant() && a.rank() == 2 && b.rank() == 2;
    if (matrices && Folding.multiplies((Tensor) a.body(), (Tensor) b.body())) {
      return Value.shared(Folding.product((Tensor) a.body(), (Tensor) b.body()));
    }
    Value layer = c.fused() ? layer(c, a, b) : null;
    return layer != null ? layer : general(c, a, b);
  }

  /** A product with a matrix that all examples share, or null if it is none. */
  private static Value layer(Call c, Value a, Value b) {
    if (isMatrix(b) && b.rank() <= a.rank()) {
      Expr x = c.draft().expr(a.body());
      Expr y = project(x, matrix(b));
      return y == null ? null : a.with(y);
    }
    if (isMatrix(a) && a.rank() <= b.rank()) {
      Value turned = layer(c, swapped(c, b), swapped(c, matrix2(a)));
      return turned == null ? null : swapped(c, turned);
    }
    return null;
  }

  private static Value matrix2(Value v) {
    return Value.shared(matrix(v));
  }

  private static Value swapped(Call c, Value v) {
    int last = v.rank() - 1;
    int[] order =
        IntStream.range(0, v.rank())
            .map(a -> a == last ? last - 1 : a == last - 1 ? last : a)
            .toArray();
    return c.examples().transpose(v, order);
  }

  private static boolean isMatrix(Value v) {
    boolean known = v.body() instanceof Weight.View || v.body() instanceof Tensor;
    return v.isShared()
        && known
        && IntStream.range(0, v.rank() - 2).allMatch(a -> v.dims()[a] == 1);
  }

  private static Body matrix(Value v) {
    long[] dims = v.dims();
    return v.body().reshape(new long[] {dims[dims.length - 2], dims[dims.length - 1]});
  }

  /** {@code x M}, or null if M does not lie as a layer needs it. */
  static Expr project(Expr x, Body matrix) {
    Operand weight = x.draft.operand(matrix);
    return weight == null || !Linear.takes(weight.t())
        ? null
        : x.draft.op(new Linear(weight.t(), null), x);
  }

  /** Products of bodies, for every example. */
  private static Value general(Call c, Value a, Value b) {
    Examples examples = c.examples();
    int rank = Math.max(a.rank(), b.rank());
    int left = a.isShared() ? -1 : a.batch() + rank - a.rank();
    int right = b.isShared() ? -1 : b.batch() + rank - b.rank();
    boolean both = left >= 0 && right >= 0;
    if (both
        && (left != right
            || left >= rank - 2
            || a.merged() != b.merged()
            || a.outer() != b.outer())) {
      throw new OnnxException(
          "a product of "
              + examples.text(a.dims())
              + " and "
              + examples.text(b.dims())
              + " combines examples, expected each example to be computed on its own");
    }
    int batch = Math.max(left, right);
    Value first = a.isShared() && batch >= 0 && batch < rank - 2 ? lead(c, a, batch, rank, b) : a;
    Value second = b.isShared() && batch >= 0 && batch < rank - 2 ? lead(c, b, batch, rank, a) : b;
    Expr x = c.draft().expr(Value.shared(explicit(first, batch, rank)).body());
    Expr y = c.draft().expr(Value.shared(explicit(second, batch, rank)).body());
    Expr product = product(c.draft(), x, y);
    return batch < 0
        ? Value.shared(product)
        : Value.fromExplicit(product, batch, examples.count(), left >= 0 ? a.outer() : b.outer());
  }

  /** A shared factor whose leading axes must not tell examples apart. */
  private static Value lead(Call c, Value shared, int batch, int rank, Value other) {
    int axis = batch - (rank - shared.rank());
    if (axis < 0 || shared.dims()[axis] == 1) {
      return shared;
    }
    Value sample = Value.shared(shared.body());
    c.require(
        sample.body().uniform(axis) && shared.dims()[axis] == other.dims()[other.batch()],
        "a factor that differs from example to example",
        "one that they share");
    return Value.shared(shared.body().slice(axis, 0, 1, 1));
  }

  private static Body explicit(Value v, int batch, int rank) {
    Body body = v.explicit();
    long[] dims = body.dims();
    return batch < 0 && v.isShared() || dims.length == rank
        ? body
        : body.reshape(Dims.padded(dims, rank));
  }

  private static Expr product(Draft draft, Expr a, Expr b) {
    long[] left = a.dims();
    long[] right = b.dims();
    int ra = left.length;
    int rb = right.length;
    List<Long> lead = new ArrayList<>();
    for (long dim :
        Dims.common(
            java.util.Arrays.copyOf(left, ra - 2), java.util.Arrays.copyOf(right, rb - 2))) {
      lead.add(dim);
    }
    Expr x = draft.broadcast(a, shape(lead, left[ra - 2], left[ra - 1]));
    Expr y = draft.broadcast(b, shape(lead, right[rb - 2], right[rb - 1]));
    return draft.op(new MatMul(), x, y);
  }

  private static Shape shape(List<Long> lead, long rows, long cols) {
    List<Integer> dims = new ArrayList<>(lead.stream().map(Math::toIntExact).toList());
    dims.add(Math.toIntExact(rows));
    dims.add(Math.toIntExact(cols));
    return new Shape(dims);
  }
}
