/**
 * Off-heap float32 memory: buffers, blocks of k vectors, and scopes that own them and free them.
 *
 * <pre>{@code
 * try (Scope scope = Scope.open()) {
 *   HostBuffer parameters = scope.allocate(1_000);          // zeroed, freed with the scope
 *   HostBuffer yours = HostBuffer.of(segment);              // wraps your MemorySegment, no copy
 *   Vectors block = Vectors.of(scope.allocate(2_000), 2, 1_000);
 * }
 * }</pre>
 */
package dynaxx.memory;
