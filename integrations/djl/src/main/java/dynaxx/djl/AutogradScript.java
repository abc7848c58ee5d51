package dynaxx.djl;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * PyTorch's {@code torch.autograd.grad}, which DJL does not offer, as a TorchScript module. DJL's
 * {@code backward(.., createGraph)} would do for products, but it leaves a cycle from each
 * parameter to its gradient and back that is never freed, and it writes into gradients.
 */
final class AutogradScript {

  private static final String CODE =
      """
      class Autograd(Module):
        __parameters__ = []
        __buffers__ = []
        training : bool
        def forward(self: __torch__.Autograd,
          loss: Tensor,
          w: List[Tensor]) -> List[Tensor]:
          found = torch.grad([loss], w, None, True, True, True)
          g = annotate(List[Tensor], [])
          for i in range(torch.len(w)):
            x = found[i]
            if torch.__is__(x, None):
              y = torch.zeros_like(w[i])
            else:
              y = unchecked_cast(Tensor, x)
            _0 = torch.append(g, y)
          return g
        def product(self: __torch__.Autograd,
          g: List[Tensor],
          w: List[Tensor],
          v: Tensor) -> Tensor:
          outputs = annotate(List[Tensor], [])
          parts = annotate(List[Optional[Tensor]], [])
          at = 0
          for i in range(torch.len(w)):
            end = torch.add(at, torch.numel(w[i]))
            if ops.prim.requires_grad(g[i]):
              part = torch.view_as(torch.slice(v, 0, at, end), w[i])
              _0 = torch.append(outputs, g[i])
              _1 = torch.append(parts, part)
            else:
              pass
            at = end
          found = torch.grad(outputs, w, parts, True, False, True)
          hv = annotate(List[Tensor], [])
          for i in range(torch.len(w)):
            x = found[i]
            if torch.__is__(x, None):
              y = torch.zeros_like(w[i])
            else:
              y = unchecked_cast(Tensor, x)
            _2 = torch.append(hv, torch.flatten(y))
          return torch.cat(hv)
      """;

  /** A pickled object of that class with {@code training = True}, and an empty tuple. */
  private static final String OBJECT =
      "\u0080\2c__torch__\nAutograd\nq\0)\u0081}(X\b\0\0\0trainingq\1\u0088ub.";

  private static final String CONSTANTS = "\u0080\2).";

  private final PtSymbolBlock module;

  /** Compiled once, as that takes a tenth of a second; it has no values and runs on any device. */
  private static final class Holder {
    static final AutogradScript SCRIPT =
        new AutogradScript((PtNDManager) Engine.getEngine("PyTorch").newBaseManager());
  }

  static AutogradScript get() {
    return Holder.SCRIPT;
  }

  private AutogradScript(PtNDManager manager) {
    try {
      module = JniUtils.loadModule(manager, new ByteArrayInputStream(archive()), true, false);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] archive() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      put(zip, "data.pkl", OBJECT);
      put(zip, "code/__torch__.py", CODE);
      put(zip, "constants.pkl", CONSTANTS);
      put(zip, "version", "3\n");
    }
    return bytes.toByteArray();
  }

  /** PyTorch reads entries that are not compressed. */
  private static void put(ZipOutputStream zip, String name, String text) throws IOException {
    byte[] content = text.getBytes(StandardCharsets.ISO_8859_1);
    CRC32 sum = new CRC32();
    sum.update(content);
    ZipEntry entry = new ZipEntry("autograd/" + name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setCrc(sum.getValue());
    zip.putNextEntry(entry);
    zip.write(content);
  }

  /**
   * A gradient that can be differentiated again; zeros for what the loss does not depend on.
   *
   * @param loss one value, which owns the results' manager
   * @param leaves named {@code w[]}
   * @return as many gradients
   */
  PtNDArray[] gradient(NDArray loss, List<PtNDArray> leaves) {
    NDList arguments = new NDList(loss);
    arguments.addAll(leaves);
    return arrays(IValueUtils.forward(module, arguments, true));
  }

  private static PtNDArray[] arrays(NDList list) {
    return list.stream().map(PtNDArray.class::cast).toArray(PtNDArray[]::new);
  }

  /** The gradient of {@code g'v}: the Hessian times v, all parameters one after the other. */
  PtNDArray product(IValue gradient, IValue leaves, PtNDArray v, PtNDManager manager) {
    try (IValue vector = IValue.from(v);
        IValue product = IValueUtils.runMethod(module, "product", gradient, leaves, vector)) {
      return product.toTensor(manager);
    }
  }
}
