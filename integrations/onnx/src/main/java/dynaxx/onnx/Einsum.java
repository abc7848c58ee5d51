package dynaxx.onnx;

import dynaxx.onnx.Elementwise.Arithmetic;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Sums of products of tensors, by names of axes. Repeated letters take a diagonal, a letter that
 * nothing else has is summed, and tensors are multiplied one after the other.
 */
final class Einsum {

  /** Letters that stand for the axes of three dots; none that a file may use. */
  private static final char FIRST_OF_DOTS = '\u4e00';

  private Einsum() {}

  /** A tensor with a letter for each axis. */
  private record Term(Value value, String letters) {}

  static Value apply(Call c) {
    String equation = c.text("equation", "").replace(" ", "");
    String[] sides = equation.split("->", -1);
    String[] left = sides[0].split(",", -1);
    c.require(
        sides.length <= 2 && left.length == c.inputs().size(),
        "the equation '" + equation + "' for " + c.inputs().size() + " inputs",
        "a term for each");
    int dots =
        IntStream.range(0, left.length)
            .filter(i -> left[i].contains("..."))
            .map(i -> c.in(i).rank() - left[i].length() + 3)
            .max()
            .orElse(0);
    List<Term> terms = new ArrayList<>();
    for (int i = 0; i < left.length; i++) {
      int own = c.in(i).rank() - left[i].length() + 3;
      String letters = spelt(left[i], dots - own, dots);
      c.require(
          letters.length() == c.in(i).rank(),
          "the term '" + left[i] + "' for " + c.in(i).rank() + " axes",
          "a letter for each axis");
      terms.add(diagonal(c, new Term(c.in(i), letters)));
    }
    String result = sides.length == 2 ? spelt(sides[1], 0, dots) : implied(left, dots);
    requireExtents(c, terms, result);
    return product(c, terms, result);
  }

  /** A term whose dots are letters; those of fewer axes have the last ones. */
  private static String spelt(String term, int from, int dots) {
    StringBuilder letters = new StringBuilder();
    for (int i = Math.max(0, from); i < dots; i++) {
      letters.append((char) (FIRST_OF_DOTS + i));
    }
    return term.replace("...", letters);
  }

  /** Without an arrow: the dots, and the letters that come once, in their order. */
  private static String implied(String[] terms, int dots) {
    Map<Character, Integer> counts = new TreeMap<>();
    for (String term : terms) {
      term.replace("...", "").chars().forEach(l -> counts.merge((char) l, 1, Integer::sum));
    }
    String once =
        counts.entrySet().stream()
            .filter(e -> e.getValue() == 1)
            .map(e -> e.getKey().toString())
            .collect(Collectors.joining());
    return spelt("...", 0, dots) + once;
  }

  /** Letters have one extent; only axes of the dots may repeat. */
  private static void requireExtents(Call c, List<Term> terms, String result) {
    Map<Character, Long> extents = new LinkedHashMap<>();
    for (Term term : terms) {
      for (int i = 0; i < term.letters.length(); i++) {
        char letter = term.letters.charAt(i);
        long extent = term.value.dims()[i];
        Long known = extents.putIfAbsent(letter, extent);
        boolean repeats = letter >= FIRST_OF_DOTS && (extent == 1 || known != null && known == 1);
        c.require(
            known == null || known == extent || repeats,
            "extents " + known + " and " + extent + " for axis " + letter,
            "equal ones");
      }
    }
    boolean known = result.chars().allMatch(l -> extents.containsKey((char) l));
    c.require(
        known && result.chars().distinct().count() == result.length(),
        "the result '" + result + "'",
        "letters of the terms, each once");
  }

  private static Term diagonal(Call c, Term term) {
    String letters = term.letters;
    Value value = term.value;
    for (int first = 0; first < letters.length(); first++) {
      int again = letters.indexOf(letters.charAt(first), first + 1);
      while (again >= 0) {
        value = diagonal(c, value, first, again);
        letters = letters.substring(0, again) + letters.substring(again + 1);
        again = letters.indexOf(letters.charAt(first), first + 1);
      }
    }
    return new Term(value, letters);
  }

  /** Elements whose positions along two axes are equal. */
  private static Value diagonal(Call c, Value v, int first, int second) {
    c.examples().requireOther(v, first, "a diagonal");
    c.examples().requireOther(v, second, "a diagonal");
    long n = v.dims()[first];
    c.require(v.dims()[second] == n, "a diagonal of " + c.examples().text(v.dims()), "a square");
    long[] order =
        IntStream.concat(
                IntStream.range(0, v.rank()).filter(a -> a != first && a != second),
                IntStream.of(first, second))
            .asLongStream()
            .toArray();
    Value last = c.run("Transpose", Map.of("perm", order), v);
    long[] dims = last.dims().clone();
    long[] flat = Arrays.copyOf(dims, dims.length - 1);
    flat[flat.length - 1] = n * n;
    int[] at = IntStream.range(0, Math.toIntExact(n)).map(i -> i * (int) (n + 1)).toArray();
    Value chosen = c.examples().gather(c.examples().reshape(last, flat), flat.length - 1, at);
    long[] back = new long[flat.length];
    for (int a = 0; a < back.length; a++) {
      back[a] = a < first ? a : a == first ? flat.length - 1 : a - 1;
    }
    return c.run("Transpose", Map.of("perm", back), chosen);
  }

  /** Multiplies from the left; letters that neither the rest nor the result has are summed. */
  private static Value product(Call c, List<Term> terms, String result) {
    Term all = terms.getFirst();
    for (int i = 1; i < terms.size(); i++) {
      StringBuilder later = new StringBuilder(result);
      terms.stream().skip(i + 1L).forEach(t -> later.append(t.letters));
      Term next = terms.get(i);
      all = summed(c, all, next.letters + later);
      next = summed(c, next, all.letters + later);
      all = two(c, all, next, later.toString());
    }
    all = summed(c, all, result);
    long[] order = result.chars().mapToLong(all.letters::indexOf).toArray();
    return c.run("Transpose", Map.of("perm", order), all.value);
  }

  /** Without the letters that nothing else has. */
  private static Term summed(Call c, Term term, String others) {
    long[] axes =
        IntStream.range(0, term.letters.length())
            .filter(i -> others.indexOf(term.letters.charAt(i)) < 0)
            .asLongStream()
            .toArray();
    if (axes.length == 0) {
      return term;
    }
    String kept =
        term.letters
            .chars()
            .filter(l -> others.indexOf(l) >= 0)
            .mapToObj(l -> String.valueOf((char) l))
            .collect(Collectors.joining());
    Map<String, Object> flat = Map.of("keepdims", 0L);
    return new Term(c.run("ReduceSum", flat, term.value, Call.wholesValue(axes)), kept);
  }

  /** Two terms, both as [shared x own x summed], multiplied as matrices. */
  private static Term two(Call c, Term a, Term b, String later) {
    String shared = letters(a.letters, l -> b.letters.indexOf(l) >= 0 && later.indexOf(l) >= 0);
    String gone = letters(a.letters, l -> b.letters.indexOf(l) >= 0 && later.indexOf(l) < 0);
    String ownLeft = letters(a.letters, l -> b.letters.indexOf(l) < 0);
    String ownRight = letters(b.letters, l -> a.letters.indexOf(l) < 0);
    boolean repeats =
        (shared + gone).chars().anyMatch(l -> extent(a, (char) l) != extent(b, (char) l));
    if (gone.isEmpty() || repeats) {
      Value left = spread(c, a, shared + gone + ownLeft, ownRight);
      Value right = between(c, b, shared + gone, ownLeft, ownRight);
      Value all = Elementwise.binary(c, Arithmetic.MULTIPLY, left, right);
      return summed(c, new Term(all, shared + gone + ownLeft + ownRight), later);
    }
    Value left = grouped(c, a, List.of(shared, ownLeft, gone));
    Value right = grouped(c, b, List.of(shared, gone, ownRight));
    Value matrices = Products.matmul(c, left, right);
    String all = shared + ownLeft + ownRight;
    long[] to =
        all.chars()
            .mapToLong(l -> a.letters.indexOf(l) >= 0 ? extent(a, (char) l) : extent(b, (char) l))
            .toArray();
    return new Term(c.examples().reshape(matrices, to), all);
  }

  private interface Chosen {
    boolean test(int letter);
  }

  private static String letters(String from, Chosen chosen) {
    return from.chars()
        .filter(chosen::test)
        .mapToObj(l -> String.valueOf((char) l))
        .collect(Collectors.joining());
  }

  private static long extent(Term term, char letter) {
    return term.value.dims()[term.letters.indexOf(letter)];
  }

  private static Value ordered(Call c, Term term, String letters) {
    long[] order = letters.chars().mapToLong(term.letters::indexOf).toArray();
    return c.run("Transpose", Map.of("perm", order), term.value);
  }

  /** Axes of a term in an order, with axes of 1 behind for others. */
  private static Value spread(Call c, Term term, String own, String missing) {
    Value value = ordered(c, term, own);
    for (int i = 0; i < missing.length(); i++) {
      value = c.examples().unsqueeze(value, value.rank());
    }
    return value;
  }

  /** Axes of a term in an order, with axes of 1 for others in between. */
  private static Value between(Call c, Term term, String before, String missing, String after) {
    Value value = ordered(c, term, before + after);
    for (int i = 0; i < missing.length(); i++) {
      value = c.examples().unsqueeze(value, before.length());
    }
    return value;
  }

  /** Axes in the order of some groups, and each group but the first made one axis. */
  private static Value grouped(Call c, Term term, List<String> groups) {
    Value ordered = ordered(c, term, String.join("", groups));
    List<Long> to = new ArrayList<>();
    groups.getFirst().chars().forEach(l -> to.add(extent(term, (char) l)));
    for (String group : groups.subList(1, groups.size())) {
      to.add(group.chars().mapToLong(l -> extent(term, (char) l)).reduce(1, (x, y) -> x * y));
    }
    return c.examples().reshape(ordered, to.stream().mapToLong(Long::longValue).toArray());
  }
}
