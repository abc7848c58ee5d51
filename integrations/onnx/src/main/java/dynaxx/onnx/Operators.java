package dynaxx.onnx;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** All operators that are supported, by name. */
final class Operators {

  static final Map<String, Operator> ALL = all();

  /** Operators of the standard that are refused for good, with the reason. */
  static final Map<String, String> REFUSED = refused();

  private Operators() {}

  private static Map<String, Operator> all() {
    Map<String, Operator> operators = new TreeMap<>();
    Elementwise.register(operators);
    Arrangements.register(operators);
    Shapes.register(operators);
    Scattering.register(operators);
    Ordering.register(operators);
    Reductions.register(operators);
    Products.register(operators);
    Images.register(operators);
    Resizing.register(operators);
    Sampling.register(operators);
    Signals.register(operators);
    Norms.register(operators);
    AttentionOperators.register(operators);
    Recurrence.register(operators);
    Control.register(operators);
    return Collections.unmodifiableMap(operators);
  }

  private static Map<String, String> refused() {
    Map<String, String> reasons = new TreeMap<>();
    reason(
        reasons,
        "it draws random numbers, so that the loss is no function of the parameters",
        "Bernoulli",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
        "Multinomial");
    reason(
        reasons,
        "it rounds, so that its derivative is 0 almost everywhere; export the model before"
            + " quantisation",
        "QuantizeLinear",
        "DynamicQuantizeLinear",
        "QLinearConv",
        "QLinearMatMul",
        "ConvInteger",
        "MatMulInteger");
    reason(reasons, "it gives a class and no derivative; export the scores before it", "Hardmax");
    reason(
        reasons,
        "it writes to a cache of keys and values, which a loss over whole sequences does not need",
        "TensorScatter");
    reason(
        reasons,
        "it makes boxes or lists whose length depends on the values",
        "NonMaxSuppression",
        "Unique");
    reason(
        reasons,
        "it works on text or raw files, not on numbers",
        "StringNormalizer",
        "StringConcat",
        "StringSplit",
        "RegexFullMatch",
        "TfIdfVectorizer",
        "ImageDecoder",
        "LabelEncoder");
    reason(
        reasons,
        "it works on the bits of whole numbers, which have no derivative",
        "BitShift",
        "BitwiseAnd",
        "BitwiseOr",
        "BitwiseXor",
        "BitwiseNot",
        "BitCast");
    return Collections.unmodifiableMap(reasons);
  }

  private static void reason(Map<String, String> to, String why, String... names) {
    for (String name : names) {
      to.put(name, "found " + name + ", which is not supported: " + why);
    }
  }
}
