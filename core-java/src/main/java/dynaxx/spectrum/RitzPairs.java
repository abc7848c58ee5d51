package dynaxx.spectrum;

import dynaxx.memory.Vectors;
import dynaxx.spectrum.Lanczos.RitzValue;
import java.util.List;

/**
 * Ritz values with their orthonormal Ritz vectors, for deflation, warm starts and tracking.
 *
 * @param values ascending
 * @param vectors one for each value, on the device; their scope belongs to the caller of whoever
 *     made them
 */
record RitzPairs(List<RitzValue> values, Vectors vectors) {}
