package dynaxx.network.op;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class OperandTest {

  @Test
  void viewsThatOverlap() {
    Parameter p = new Parameter("p", Shape.of(6, 8), 0, Initializer.ZEROS);
    Operand.View left = new Operand.View(p, 0, Shape.of(6, 4), List.of(8L, 1L));
    Operand.View right = new Operand.View(p, 4, Shape.of(6, 4), List.of(8L, 1L));
    Operand.View middle = new Operand.View(p, 3, Shape.of(2, 6), List.of(1L, 8L));
    Operand.View top = new Operand.View(p, 0, Shape.of(2, 8), List.of(8L, 1L));
    Operand.View bottom = new Operand.View(p, 16, Shape.of(4, 8), List.of(8L, 1L));
    Operand.View last = new Operand.View(p, 47, Shape.of(1), List.of(1L));
    assertFalse(left.overlaps(right));
    assertTrue(left.overlaps(middle) && middle.overlaps(right));
    assertFalse(top.overlaps(bottom) || bottom.overlaps(top));
    assertTrue(top.overlaps(left) && Operand.of(p).overlaps(right));
    assertTrue(last.overlaps(right) && !last.overlaps(top));
    Parameter other = new Parameter("q", Shape.of(6, 8), 48, Initializer.ZEROS);
    assertFalse(Operand.of(p).overlaps(Operand.of(other)));
  }

  private static void refuses(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Test
  void viewsHoldDistinctElementsOfTheirParameter() {
    Parameter p = new Parameter("p", Shape.of(6, 8), 0, Initializer.ZEROS);
    refuses(
        "view of parameter 'p': found offset 1, shape [6 x 8], strides [8, 1], expected distinct"
            + " elements of [6 x 8]",
        () -> new Operand.View(p, 1, Shape.of(6, 8), List.of(8L, 1L)));
    refuses(
        "view of parameter 'p': found offset 0, shape [3 x 4], strides [2, 1], expected distinct"
            + " elements of [6 x 8]",
        () -> new Operand.View(p, 0, Shape.of(3, 4), List.of(2L, 1L)));
    Operand.View turned = Operand.of(p).as(Shape.of(8, 6), List.of(1L, 8L));
    assertEquals(turned, Operand.of(p).t());
    assertEquals(21, turned.position(5, 2));
    assertFalse(turned.rowMajor());
    assertTrue(Operand.of(p).rowMajor());
  }

  @Test
  void opsRefuseOperandsThatDoNotGoTogether() {
    Parameter p = new Parameter("p", Shape.of(6, 8), 0, Initializer.ZEROS);
    Operand.View apart = new Operand.View(p, 0, Shape.of(3, 4), List.of(16L, 2L));
    refuses(
        "linear: view of parameter 'p' has shape [3 x 4] and strides [16, 2], expected rows or"
            + " columns that lie together",
        () -> new Linear(apart, null));
    Operand fixed = Operand.of(Shape.of(1, 2), 3, 4);
    Operand.View bias = new Operand.View(p, 0, Shape.of(1), List.of(1L));
    refuses(
        "bias: view of parameter 'p' has shape [1] beside a weight: constant has shape [1 x 2],"
            + " expected values in reading order, and constant ones for a constant weight",
        () -> new Linear(fixed, bias));
    Operand three = Operand.of(Shape.of(3), 1, 2, 3);
    refuses(
        "linear: constant has shape [3], expected 6 values",
        () -> new Linear(Operand.of(p), three).outputShape(List.of(Shape.of(8))));
    refuses(
        "convolution: parameter 'p' has shape [6 x 8], expected [out x in / groups x height x"
            + " width] or [out x in / groups x width] in reading order",
        () -> Conv.of(p, null));
    refuses(
        "token embedding: view of parameter 'p' has shape [8 x 6], expected [vocabulary x width]"
            + " in reading order with at most 16777216 rows",
        () -> new TokenEmbedding(Operand.of(p).t()).outputShape(List.of(Shape.of(2))));
    refuses("transpose: constant has shape [3], expected two axes", three::t);
  }
}
