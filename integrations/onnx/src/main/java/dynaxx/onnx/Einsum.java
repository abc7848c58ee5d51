package dynaxx.onnx;

import dynaxx.onnx.Elementwise.Arithmetic;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Sums of products of one or two tensors, by names of axes. */
final class Einsum {

  private Einsum() {}

  static Value apply(Call c) {
    String equation = c.text("equation", "").replace(" ", "");
    int arrow = equation.indexOf("->");
    boolean plain = arrow > 0 && !equation.contains("...");
    c.require(plain, "the equation '" + equation + "'", "one with -> and a letter for each axis");
    String[] terms = equation.substring(0, arrow).split(",", -1);
    String result = equation.substring(arrow + 2);
    c.require(
        terms.length == c.inputs().size() && terms.length <= 2,
        terms.length + " terms for " + c.inputs().size() + " inputs",
        "one or two, one for each input");
    for (int i = 0; i < terms.length; i++) {
      boolean fits =
          terms[i].length() == c.in(i).rank()
              && terms[i].chars().distinct().count() == terms[i].length();
      c.require(fits, "the term '" + terms[i] + "'", "a letter of its own for each axis");
    }
    if (terms.length == 1) {
      return c.examples().transpose(c.in(0), order(c, terms[0], result));
    }
    return product(c, terms[0], terms[1], result);
  }

  private static int[] order(Call c, String from, String to) {
    c.require(
        from.length() == to.length() && to.chars().allMatch(l -> from.indexOf(l) >= 0),
        "a sum '" + from + "->" + to + "' of one term",
        "another order of its axes");
    return to.chars().map(from::indexOf).toArray();
  }

  /** Both as [shared x own x summed], multiplied as matrices. */
  private static Value product(Call c, String left, String right, String result) {
    StringBuilder shared = new StringBuilder();
    StringBuilder summed = new StringBuilder();
    StringBuilder ownLeft = new StringBuilder();
    StringBuilder ownRight = new StringBuilder();
    Map<Character, Long> extents = new LinkedHashMap<>();
    sort(c, left, right, result, c.in(0), new StringBuilder[] {shared, summed, ownLeft}, extents);
    sort(c, right, left, result, c.in(1), new StringBuilder[] {null, null, ownRight}, extents);
    Examples examples = c.examples();
    if (summed.isEmpty() && ownLeft.isEmpty() && ownRight.isEmpty()) {
      Value b = examples.transpose(c.in(1), order(c, right, left));
      Value all = Elementwise.binary(c, Arithmetic.MULTIPLY, c.in(0), b);
      return examples.transpose(all, order(c, left, result));
    }
    Value a = grouped(c, c.in(0), left, List.of(shared, ownLeft, summed), extents);
    Value b = grouped(c, c.in(1), right, List.of(shared, summed, ownRight), extents);
    Value matrices = Products.matmul(c, a, b);
    String letters = shared.toString() + ownLeft + ownRight;
    long[] to = letters.chars().mapToLong(l -> extents.get((char) l)).toArray();
    return examples.transpose(examples.reshape(matrices, to), order(c, letters, result));
  }

  private static void sort(
      Call c,
      String own,
      String other,
      String result,
      Value value,
      StringBuilder[] to,
      Map<Character, Long> extents) {
    for (int i = 0; i < own.length(); i++) {
      char letter = own.charAt(i);
      long extent = value.dims()[i];
      Long known = extents.putIfAbsent(letter, extent);
      c.require(
          known == null || known == extent,
          "extents " + known + " and " + extent + " for axis " + letter,
          "equal ones");
      boolean inOther = other.indexOf(letter) >= 0;
      boolean inResult = result.indexOf(letter) >= 0;
      c.require(
          inOther || inResult, "axis " + letter + " in one term only", "it in the result too");
      StringBuilder group = inOther ? inResult ? to[0] : to[1] : to[2];
      if (group != null) {
        group.append(letter);
      }
    }
  }

  /** Axes put in the order of some groups, and each group but the shared ones made one axis. */
  private static Value grouped(
      Call c, Value v, String letters, List<StringBuilder> groups, Map<Character, Long> extents) {
    Value ordered = c.examples().transpose(v, order(c, letters, String.join("", groups)));
    List<Long> to = new ArrayList<>();
    groups.getFirst().chars().forEach(l -> to.add(extents.get((char) l)));
    for (StringBuilder group : groups.subList(1, groups.size())) {
      to.add(group.chars().mapToLong(l -> extents.get((char) l)).reduce(1, (x, y) -> x * y));
    }
    return c.examples().reshape(ordered, to.stream().mapToLong(Long::longValue).toArray());
  }
}
