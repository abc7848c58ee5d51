package dynaxx.onnx;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import dynaxx.onnx.ModelFile.Attribute;
import dynaxx.onnx.ModelFile.Function;
import dynaxx.onnx.ModelFile.Graph;
import dynaxx.onnx.ModelFile.Info;
import dynaxx.onnx.ModelFile.Node;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads the messages of an ONNX file that dynaxx uses, by their field numbers, and skips the
 * others. Memory is bounded by the size of the file and by {@link #MOST_ITEMS}: what a length field
 * claims is allocated only as far as the file has it.
 */
final class ModelReader {

  /** Nodes, attributes, names and tensors in all. */
  static final int MOST_ITEMS = 2_000_000;

  /** Graphs within nodes of graphs. */
  private static final int MOST_DEPTH = 64;

  private final Path file;
  private final ExternalFiles external;
  private final CodedInputStream in;
  private int items;
  private int depth;

  private ModelReader(Path file, ExternalFiles external, CodedInputStream in) {
    this.file = file;
    this.external = external;
    this.in = in;
  }

  /** Reads a serialised tensor, as test data of the ONNX project come, or a failure to. */
  static StoredTensor tensor(Path file, ExternalFiles external) throws IOException {
    CodedInputStream coded = CodedInputStream.newInstance(Files.readAllBytes(file));
    try {
      return new ModelReader(file, external, coded).tensor();
    } catch (InvalidProtocolBufferException e) {
      throw new OnnxException(file + ": found no tensor", e);
    }
  }

  /** Reads a field of a message, or leaves it to be skipped. */
  @FunctionalInterface
  private interface Field {
    boolean read(int number, int type) throws IOException;
  }

  /** Reads a file; its weights may lie in external ones, as long as those are open. */
  static ModelFile read(Path file, long maximumBytes, ExternalFiles external) {
    if (Files.isDirectory(file)) {
      throw new OnnxException("found a folder, expected an ONNX model");
    }
    try {
      long bytes = Files.size(file);
      if (bytes > maximumBytes) {
        throw new OnnxException("found " + bytes + " bytes, expected at most " + maximumBytes);
      }
      try (EndNoticingStream stream = new EndNoticingStream(Files.newInputStream(file))) {
        return read(file, external, stream, bytes);
      }
    } catch (NoSuchFileException e) {
      throw new OnnxException("found no such file", e);
    } catch (AccessDeniedException e) {
      throw new OnnxException("cannot be read (permission denied)", e);
    } catch (IOException e) {
      throw new OnnxException("cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private static ModelFile read(
      Path file, ExternalFiles external, EndNoticingStream stream, long bytes) throws IOException {
    CodedInputStream coded = CodedInputStream.newInstance(stream);
    coded.setSizeLimit(Integer.MAX_VALUE);
    ModelReader reader = new ModelReader(file, external, coded);
    try {
      return reader.model();
    } catch (InvalidProtocolBufferException e) {
      Optional<FileKind> kind = FileKind.of(file);
      throw new OnnxException(
          kind.isPresent() ? kind.get().refusal() : reader.damage(stream.ended(), bytes), e);
    }
  }

  /** Where it does not go on, in words of the file and not of its encoding. */
  private String damage(boolean ended, long bytes) {
    return ended
        ? "found the end of the file after "
            + bytes
            + " bytes, in the middle of the model: it is cut short; copy or export it again"
        : "found bytes that are no part of an ONNX model near byte "
            + in.getTotalBytesRead()
            + " of "
            + bytes
            + ": the file is damaged or no ONNX model; copy or export it again";
  }

  /** Notices whether more was asked for than there is. */
  private static final class EndNoticingStream extends FilterInputStream {
    private boolean ended;

    EndNoticingStream(InputStream in) {
      super(in);
    }

    @Override
    public int read(byte[] to, int from, int count) throws IOException {
      int read = super.read(to, from, count);
      ended |= read < 0;
      return read;
    }

    boolean ended() {
      return ended;
    }
  }

  private ModelFile model() throws IOException {
    Map<String, Long> opsets = new HashMap<>();
    List<Graph> graphs = new ArrayList<>();
    List<Function> functions = new ArrayList<>();
    fields(
        (number, type) -> {
          switch (number) {
            case 7 -> nested(type, () -> graphs.add(graph()));
            case 25 -> nested(type, () -> functions.add(function()));
            case 8 -> nested(type, () -> opset(opsets));
            default -> {
              return false;
            }
          }
          return true;
        });
    if (graphs.isEmpty()) {
      throw new OnnxException(
          FileKind.of(file)
              .map(FileKind::refusal)
              .orElse("found no graph, expected an ONNX model; export it again"));
    }
    if (graphs.size() > 1) {
      throw new OnnxException(
          "found " + graphs.size() + " graphs, expected an ONNX model with one");
    }
    return new ModelFile(opsets, graphs.getFirst(), functions);
  }

  private void opset(Map<String, Long> opsets) throws IOException {
    String[] domain = {ModelFile.STANDARD};
    long[] version = {0};
    fields(
        (number, type) -> {
          switch (number) {
            case 1 -> domain[0] = domain(text(type));
            case 2 -> version[0] = whole(type);
            default -> {
              return false;
            }
          }
          return true;
        });
    opsets.put(domain[0], version[0]);
  }

  private static String domain(String name) {
    return name.equals("ai.onnx") ? ModelFile.STANDARD : name;
  }

  private Function function() throws IOException {
    String[] texts = {ModelFile.STANDARD, "", ""};
    List<List<String>> names = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    Map<String, Attribute> defaults = new LinkedHashMap<>();
    List<Node> nodes = new ArrayList<>();
    Map<String, Long> opsets = new HashMap<>();
    fields(
        (number, type) -> {
          switch (number) {
            case 1 -> texts[1] = text(type);
            case 4, 5, 6 -> names.get(number - 4).add(text(type));
            case 7 -> nested(type, () -> nodes.add(node()));
            case 9 -> nested(type, () -> opset(opsets));
            case 10 -> texts[0] = domain(text(type));
            case 11 -> nested(type, () -> put(defaults, attribute()));
            case 13 -> texts[2] = text(type);
            default -> {
              return false;
            }
          }
          return true;
        });
    return new Function(
        texts[0],
        texts[1],
        texts[2],
        names.get(0),
        names.get(1),
        names.get(2),
        defaults,
        nodes,
        opsets);
  }

  private static void put(Map<String, Attribute> attributes, Attribute attribute) {
    attributes.put(attribute.name(), attribute);
  }

  private Graph graph() throws IOException {
    depth++;
    if (depth > MOST_DEPTH) {
      throw new OnnxException(
          "graph: found more than " + MOST_DEPTH + " graphs within each other, expected fewer");
    }
    List<Node> nodes = new ArrayList<>();
    List<StoredTensor> initializers = new ArrayList<>();
    List<Info> inputs = new ArrayList<>();
    List<Info> outputs = new ArrayList<>();
    Map<String, String> origins = new HashMap<>();
    Map<String, String> notes = new HashMap<>();
    fields(
        (number, type) -> {
          switch (number) {
            case 1 -> nested(type, () -> nodes.add(node()));
            case 13 -> nested(type, () -> origin(origins));
            case 16 -> nested(type, () -> entry(notes));
            case 5 -> nested(type, () -> initializers.add(tensor()));
            case 11 -> nested(type, () -> inputs.add(info()));
            case 12 -> nested(type, () -> outputs.add(info()));
            case 15 -> nested(type, () -> initializers.add(sparse()));
            default -> {
              return false;
            }
          }
          return true;
        });
    depth--;
    return new Graph(nodes, initializers, inputs, outputs, origins, notes);
  }

  /** What PyTorch's exporter notes of a value: whether it is a parameter, a buffer or neither. */
  private void origin(Map<String, String> origins) throws IOException {
    String[] name = {""};
    Map<String, String> notes = new HashMap<>();
    fields(
        (number, type) -> {
          switch (number) {
            case 1 -> name[0] = text(type);
            case 4 -> nested(type, () -> entry(notes));
            default -> {
              return false;
            }
          }
          return true;
        });
    String kind = notes.getOrDefault(Origins.KIND, notes.get(Origins.FOLDED));
    if (kind != null) {
      origins.put(name[0], kind);
    }
  }

  private Node node() throws IOException {
    String[] texts = {"", "", ModelFile.STANDARD, ""};
    List<String> inputs = new ArrayList<>();
    List<String> outputs = new ArrayList<>();
    Map<String, Attribute> attributes = new LinkedHashMap<>();
    fields(
        (number, type) -> {
          switch (number) {
            case 1 -> inputs.add(text(type));
            case 2 -> outputs.add(text(type));
            case 3 -> texts[0] = text(type);
            case 4 -> texts[1] = text(type);
            case 7 -> texts[2] = domain(text(type));
            case 8 -> texts[3] = text(type);
            case 5 -> nested(type, () -> put(attributes, attribute()));
            default -> {
              return false;
            }
          }
          return true;
        });
    return new Node(texts[0], texts[1], texts[2], texts[3], inputs, outputs, attributes);
  }

  private Attribute attribute() throws IOException {
    String[] name = {"", null, null};
    Object[] single = new Object[4];
    Numbers numbers = new Numbers();
    List<String> texts = new ArrayList<>();
    boolean[] other = {false};
    fields(
        (number, type) -> {
          switch (number) {
            case 1 -> name[0] = text(type);
            case 2 -> single[0] = number(type);
            case 3 -> single[1] = whole(type);
            case 4 -> name[1] = text(type);
            case 5 -> nested(type, () -> single[2] = tensor());
            case 6 -> nested(type, () -> single[3] = graph());
            case 21 -> name[2] = text(type);
            case 22 -> nested(type, () -> single[2] = sparse());
            case 7 -> floats(type, numbers);
            case 8 -> wholes(type, numbers);
            case 9 -> texts.add(text(type));
            case 10, 11, 14, 15, 23 -> {
              other[0] = true;
              return false;
            }
            default -> {
              return false;
            }
          }
          return true;
        });
    return new Attribute(
        name[0],
        (Float) single[0],
        (Long) single[1],
        name[1],
        (StoredTensor) single[2],
        numbers.floats(),
        numbers.wholes(),
        texts,
        (Graph) single[3],
        name[2],
        other[0]);
  }

  private StoredTensor tensor() throws IOException {
    Numbers dims = new Numbers();
    Numbers values = new Numbers();
    String[] name = {""};
    int[] elementType = {0};
    byte[][] raw = {null};
    boolean[] elsewhere = {false};
    Map<String, String> place = new HashMap<>();
    fields(
        (number, type) -> {
          switch (number) {
            case 1 -> wholes(type, dims);
            case 2 -> elementType[0] = (int) whole(type);
            case 4 -> floats(type, values);
            case 5, 7, 11 -> wholes(type, values);
            case 8 -> name[0] = text(type);
            case 9 -> raw[0] = bytes(type);
            case 10 -> doubles(type, values);
            case 13 -> nested(type, () -> entry(place));
            case 14 -> elsewhere[0] = whole(type) == 1;
            default -> {
              return false;
            }
          }
          return true;
        });
    long[] extents = dims.wholes();
    MemorySegment bytes = raw[0] == null ? null : MemorySegment.ofArray(raw[0]);
    return new StoredTensor(
        name[0],
        extents == null ? new long[0] : extents,
        elementType[0],
        elsewhere[0] ? external("tensor '" + name[0] + "'", place) : bytes,
        values.floats(),
        values.wholes(),
        values.doubles());
  }

  private void entry(Map<String, String> entries) throws IOException {
    String[] pair = {"", ""};
    fields(
        (number, type) -> {
          boolean known = number == 1 || number == 2;
          if (known) {
            pair[number - 1] = text(type);
          }
          return known;
        });
    entries.put(pair[0], pair[1]);
  }

  private MemorySegment external(String label, Map<String, String> place) {
    String location = place.get("location");
    if (location == null) {
      throw new OnnxException(label + ": found values in an external file without a location");
    }
    return external.bytes(
        label, location, position(label, place, "offset", 0), position(label, place, "length", -1));
  }

  private static long position(
      String label, Map<String, String> place, String key, long otherwise) {
    String text = place.get(key);
    try {
      return text == null || text.isEmpty() ? otherwise : Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new OnnxException(
          label + ": found '" + text + "' as the external " + key + ", expected a whole number");
    }
  }

  /** A tensor of which the file holds some elements, the others being zero. */
  private StoredTensor sparse() throws IOException {
    List<StoredTensor> parts = new ArrayList<>();
    Numbers dims = new Numbers();
    fields(
        (number, type) -> {
          switch (number) {
            case 1 -> nested(type, () -> parts.addFirst(tensor()));
            case 2 -> nested(type, () -> parts.addLast(tensor()));
            case 3 -> wholes(type, dims);
            default -> {
              return false;
            }
          }
          return true;
        });
    long[] extents = dims.wholes();
    if (parts.size() != 2 || extents == null) {
      throw new OnnxException("sparse tensor: found no values, indices or extents, expected all");
    }
    return parts.get(0).spread(parts.get(1), extents);
  }

  private Info info() throws IOException {
    String[] name = {""};
    int[] elementType = {0};
    List<List<Long>> dims = new ArrayList<>();
    fields(
        (number, type) -> {
          switch (number) {
            case 1 -> name[0] = text(type);
            case 2 ->
                nested(
                    type,
                    () ->
                        within(
                            1,
                            () ->
                                fields(
                                    (inner, innerType) -> {
                                      switch (inner) {
                                        case 1 -> elementType[0] = (int) whole(innerType);
                                        case 2 -> nested(innerType, () -> dims.add(extents()));
                                        default -> {
                                          return false;
                                        }
                                      }
                                      return true;
                                    })));
            default -> {
              return false;
            }
          }
          return true;
        });
    return new Info(name[0], elementType[0], dims.isEmpty() ? null : dims.getFirst());
  }

  private List<Long> extents() throws IOException {
    List<Long> extents = new ArrayList<>();
    within(
        1,
        () -> {
          long[] extent = {-1};
          fields(
              (number, type) -> {
                if (number == 1) {
                  extent[0] = whole(type);
                }
                return number == 1;
              });
          extents.add(extent[0]);
        });
    return extents;
  }

  // ---- the wire format

  @FunctionalInterface
  private interface Body {
    void read() throws IOException;
  }

  /** Fields of the message at hand, up to its end. */
  private void fields(Field field) throws IOException {
    while (true) {
      int tag = in.readTag();
      if (tag == 0) {
        return;
      }
      int type = WireFormat.getTagWireType(tag);
      if (type == WireFormat.WIRETYPE_START_GROUP || type == WireFormat.WIRETYPE_END_GROUP) {
        throw new InvalidProtocolBufferException("it has groups, which ONNX does not use");
      }
      if (!field.read(WireFormat.getTagFieldNumber(tag), type)) {
        in.skipField(tag);
      }
    }
  }

  /** All nested messages of one field; the others are skipped. */
  private void within(int wanted, Body body) throws IOException {
    fields(
        (number, type) -> {
          if (number == wanted) {
            nested(type, body);
          }
          return number == wanted;
        });
  }

  private void nested(int type, Body body) throws IOException {
    count();
    int limit = begin(type);
    body.read();
    in.checkLastTagWas(0);
    in.popLimit(limit);
  }

  private int begin(int type) throws IOException {
    require(type, WireFormat.WIRETYPE_LENGTH_DELIMITED);
    return in.pushLimit(in.readRawVarint32());
  }

  private void count() {
    items++;
    if (items > MOST_ITEMS) {
      throw new OnnxException(
          "model: found more than " + MOST_ITEMS + " nodes, names and tensors, expected fewer");
    }
  }

  private static void require(int type, int expected) throws IOException {
    if (type != expected) {
      throw new InvalidProtocolBufferException("a field has wire type " + type);
    }
  }

  private byte[] bytes(int type) throws IOException {
    require(type, WireFormat.WIRETYPE_LENGTH_DELIMITED);
    return in.readByteArray();
  }

  private String text(int type) throws IOException {
    count();
    return new String(bytes(type), StandardCharsets.UTF_8);
  }

  private long whole(int type) throws IOException {
    require(type, WireFormat.WIRETYPE_VARINT);
    return in.readInt64();
  }

  private float number(int type) throws IOException {
    require(type, WireFormat.WIRETYPE_FIXED32);
    return in.readFloat();
  }

  private void floats(int type, Numbers to) throws IOException {
    repeated(type, WireFormat.WIRETYPE_FIXED32, () -> to.add(in.readFloat()));
  }

  private void doubles(int type, Numbers to) throws IOException {
    repeated(type, WireFormat.WIRETYPE_FIXED64, () -> to.add(in.readDouble()));
  }

  private void wholes(int type, Numbers to) throws IOException {
    repeated(type, WireFormat.WIRETYPE_VARINT, () -> to.add(in.readInt64()));
  }

  /** One value, or many packed together. */
  private void repeated(int type, int single, Body body) throws IOException {
    if (type == single) {
      body.read();
      return;
    }
    int limit = begin(type);
    while (in.getBytesUntilLimit() > 0) {
      body.read();
    }
    in.popLimit(limit);
  }
}
