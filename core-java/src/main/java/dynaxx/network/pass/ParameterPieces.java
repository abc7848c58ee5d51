package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Network;
import dynaxx.network.op.Step;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A vector over the parameters of a network that a device holds in pieces: those of the op at work,
 * and a few more that were used lately. Tapes and sweeps take it like any other vector, in one
 * direction.
 */
public final class ParameterPieces implements Buffer, AutoCloseable {

  /** Values that are kept in any case, so that small networks bring each piece once. */
  private static final long KEPT = 1L << 21;

  private record Piece(Scope scope, Buffer values) {}

  private final Device device;
  private final Buffer whole;
  private final long size;
  private final long most;
  private final Map<Long, Piece> pieces = new LinkedHashMap<>(16, 0.75f, true);
  private long held;

  private ParameterPieces(Network network, Device device, Buffer whole) {
    this.device = device;
    this.whole = whole;
    this.size = network.parameterCount();
    this.most = Math.max(KEPT, largestStep(network));
  }

  /** All parameters of an op are there at once, and of ops that give its inputs again. */
  private static long largestStep(Network network) {
    long largest = 0;
    for (Step step : network.steps().subList(1, network.steps().size())) {
      long size = size(step);
      for (int input : step.inputs()) {
        Step from = network.steps().get(input);
        size += input > 0 && from.op().cheap() ? size(from) : 0;
      }
      largest = Math.max(largest, size);
    }
    return largest;
  }

  private static long size(Step step) {
    return step.op().parameters().stream().mapToLong(Parameter::size).sum();
  }

  /**
   * Values that lie elsewhere.
   *
   * @param network has the parameters
   * @param device where to compute
   * @param whole n values that the device can {@linkplain Device#place place}; must stay unchanged
   * @return the vector
   */
  public static ParameterPieces of(Network network, Device device, Buffer whole) {
    return new ParameterPieces(network, device, whole);
  }

  /**
   * A vector for what nobody wants.
   *
   * @param network has the parameters
   * @param device where to compute
   * @return takes what is added, and loses it
   */
  public static ParameterPieces discarding(Network network, Device device) {
    return new ParameterPieces(network, device, null);
  }

  /** Where the values of a parameter are: in a piece, or in the whole vector. */
  static Buffer of(Buffer vector, Parameter p) {
    return vector instanceof ParameterPieces pieces
        ? pieces.piece(p)
        : vector.slice(p.offset(), p.size());
  }

  /** Where the values of a parameter are in each direction. */
  static Strided of(Vectors directions, Parameter p) {
    return directions.buffer() instanceof ParameterPieces pieces
        ? new Strided(pieces.piece(p), 0, directions.length())
        : Strided.of(directions, p.offset());
  }

  private Buffer piece(Parameter p) {
    Piece piece = pieces.get(p.offset());
    if (piece == null) {
      makeRoom(p.size());
      piece = bring(p);
      pieces.put(p.offset(), piece);
      held += p.size();
    }
    return piece.values();
  }

  /** Gives back what was not used for longest, which is not the current op's. */
  private void makeRoom(long wanted) {
    Iterator<Piece> oldest = pieces.values().iterator();
    while (held + wanted > most && oldest.hasNext()) {
      Piece piece = oldest.next();
      oldest.remove();
      held -= piece.values().size();
      piece.scope().close();
    }
  }

  private Piece bring(Parameter p) {
    Scope scope = Scope.open();
    try {
      Buffer values =
          whole == null
              ? device.allocate(scope, p.size())
              : device.place(scope, whole.slice(p.offset(), p.size()));
      return new Piece(scope, values);
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public Buffer slice(long from, long count) {
    if (from == 0 && count == size) {
      return this;
    }
    throw new UnsupportedOperationException("found a slice, expected a parameter or the whole");
  }

  /** Gives all pieces back; closing twice is harmless. */
  @Override
  public void close() {
    pieces.values().forEach(piece -> piece.scope().close());
    pieces.clear();
    held = 0;
  }
}
