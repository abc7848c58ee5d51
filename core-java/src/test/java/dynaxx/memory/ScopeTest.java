package dynaxx.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScopeTest {

  @Test
  void allocationsAreAlignedAndZero() {
    try (Scope scope = Scope.open()) {
      for (long size : new long[] {0, 1, 3, 17, 1000}) {
        HostBuffer buffer = scope.allocate(size);
        assertEquals(0, buffer.segment().address() % Scope.ALIGNMENT);
        assertEquals(size, buffer.size());
        assertArrayEquals(new float[(int) size], buffer.toArray());
      }
    }
  }

  @Test
  void useAfterCloseThrows() {
    Scope scope = Scope.open();
    HostBuffer buffer = scope.allocate(4);
    HostBuffer part = buffer.slice(1, 2);
    scope.close();
    assertFalse(scope.isOpen());
    assertThrows(IllegalStateException.class, () -> buffer.get(0));
    assertThrows(IllegalStateException.class, () -> part.set(0, 1));
    assertThrows(IllegalStateException.class, buffer::toArray);
    assertThrows(IllegalStateException.class, () -> scope.allocate(1));
    assertThrows(IllegalStateException.class, scope::child);
    var e = assertThrows(IllegalStateException.class, () -> scope.onClose(() -> {}));
    assertTrue(e.getMessage().contains("closed"), e.getMessage());
  }

  @Test
  void closingTwiceIsHarmless() {
    List<String> log = new ArrayList<>();
    Scope scope = Scope.open();
    scope.onClose(() -> log.add("once"));
    scope.close();
    assertDoesNotThrow(scope::close);
    assertEquals(List.of("once"), log);
  }

  @Test
  void childrenCloseFirstAndInReverse() {
    List<String> log = new ArrayList<>();
    Scope scope = Scope.open();
    scope.onClose(() -> log.add("own"));
    Scope first = scope.child();
    first.onClose(() -> log.add("first"));
    Scope second = scope.child();
    second.onClose(() -> log.add("second"));
    HostBuffer buffer = first.allocate(1);
    scope.close();
    assertEquals(List.of("second", "first", "own"), log);
    assertFalse(first.isOpen());
    assertThrows(IllegalStateException.class, () -> buffer.get(0));
  }

  @Test
  void aClosedChildIsForgotten() {
    List<String> log = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      Scope child = scope.child();
      child.onClose(() -> log.add("child"));
      child.close();
      assertTrue(scope.isOpen());
    }
    assertEquals(List.of("child"), log);
  }

  @Test
  void allOwnersAreFreedThoughOneFails() {
    List<String> log = new ArrayList<>();
    Scope scope = Scope.open();
    scope.onClose(() -> log.add("last"));
    scope.onClose(
        () -> {
          throw new IllegalArgumentException("second");
        });
    scope.onClose(
        () -> {
          throw new IllegalArgumentException("first");
        });
    var e = assertThrows(IllegalArgumentException.class, scope::close);
    assertEquals("first", e.getMessage());
    assertEquals("second", e.getSuppressed()[0].getMessage());
    assertEquals(List.of("last"), log);
  }

  @Test
  void badSizesAreNamed() {
    try (Scope scope = Scope.open()) {
      var e = assertThrows(IllegalArgumentException.class, () -> scope.allocate(-1));
      assertTrue(e.getMessage().contains("-1"), e.getMessage());
      assertThrows(ArithmeticException.class, () -> scope.allocate(Long.MAX_VALUE / 2));
      assertThrows(ArithmeticException.class, () -> scope.vectors(1000, Long.MAX_VALUE / 10));
    }
  }

  @Test
  void vectorsAreContiguous() {
    try (Scope scope = Scope.open()) {
      Vectors block = scope.vectors(3, 5);
      HostBuffer all = (HostBuffer) block.buffer();
      for (int i = 0; i < 15; i++) {
        all.set(i, i);
      }
      assertEquals(7, ((HostBuffer) block.vector(1)).get(2));
      assertEquals(12, ((HostBuffer) block.subset(1, 2).vector(1)).get(2));
      assertEquals(2, block.subset(1, 2).count());
      assertThrows(IndexOutOfBoundsException.class, () -> block.vector(3));
      assertThrows(IndexOutOfBoundsException.class, () -> block.subset(2, 2));
      assertThrows(IllegalArgumentException.class, () -> Vectors.of(all, 4, 4));
      assertThrows(IllegalArgumentException.class, () -> Vectors.of(all, 0, 4));
    }
  }

  /** A size beyond the int range, laid over address space that is never touched. */
  @Test
  void sizesAreLong() {
    long size = 3L << 30;
    HostBuffer huge = HostBuffer.of(MemorySegment.NULL.asSlice(0, 0));
    assertEquals(0, huge.size());
    try (Arena arena = Arena.ofShared()) {
      MemorySegment small = arena.allocate(64, 64);
      assertThrows(IndexOutOfBoundsException.class, () -> HostBuffer.of(small).slice(size, 1));
      assertThrows(IllegalArgumentException.class, () -> Vectors.of(HostBuffer.of(small), 3, size));
    }
  }

  @Test
  void foreignMemoryIsCheckedOnce() {
    assertThrows(
        IllegalArgumentException.class, () -> HostBuffer.of(MemorySegment.ofArray(new float[4])));
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(64, 64);
      var e =
          assertThrows(IllegalArgumentException.class, () -> HostBuffer.of(memory.asSlice(0, 6)));
      assertTrue(e.getMessage().contains("6 bytes"), e.getMessage());
      assertThrows(IllegalArgumentException.class, () -> HostBuffer.of(memory.asSlice(2, 8)));
      assertEquals(16, HostBuffer.of(memory).size());
      assertThrows(IndexOutOfBoundsException.class, () -> HostBuffer.of(memory).slice(10, 7));
    }
    try (Arena confined = Arena.ofConfined()) {
      MemorySegment memory = confined.allocate(64, 64);
      var e = assertThrows(IllegalArgumentException.class, () -> HostBuffer.of(memory));
      assertTrue(e.getMessage().startsWith("segment: found memory of a confined Arena"));
    }
  }
}
