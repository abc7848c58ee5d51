package dynaxx.network.op;

import dynaxx.kernel.RowKernels.Patches;
import dynaxx.layer.Shape;
import java.util.List;

/**
 * Cuts an image {@code [channels x height x width]} into square patches {@code [patches x channels
 * * patch * patch]} in reading order. Followed by a {@link Linear} it is the patch embedding of a
 * vision transformer (Dosovitskiy et al., 2020), the same as a convolution whose stride is its
 * kernel.
 *
 * @param patch side of a patch in pixels; divides height and width
 */
public record Patchify(int patch) implements JointlyLinear {

  @Override
  public String name() {
    return "patchify";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    Check.that(
        patch > 0 && x.rank() == 3 && x.dim(1) % patch == 0 && x.dim(2) % patch == 0,
        this,
        0,
        x,
        "[channels x height x width] with height and width divisible by " + patch);
    Patches s = patches(x, 1);
    return Shape.of(s.perImage(), s.length());
  }

  private Patches patches(Shape x, long images) {
    return new Patches(images, x.dim(0), x.dim(1), x.dim(2), patch);
  }

  @Override
  public void forward(Frame f) {
    f.device().kernels().rows().toPatches(patches(f.inputShape(0), f.examples()), f.x(0), f.y());
  }

  @Override
  public void backward(Frame f) {
    f.device()
        .kernels()
        .rows()
        .fromPatches(patches(f.inputShape(0), f.examples()), f.dy(), f.dx(0), f.adds(0));
  }

  @Override
  public void tangentForward(Frame f) {
    long images = (long) f.directions() * f.examples();
    f.device().kernels().rows().toPatches(patches(f.inputShape(0), images), f.rx(0), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    long images = (long) f.directions() * f.examples();
    f.device()
        .kernels()
        .rows()
        .fromPatches(patches(f.inputShape(0), images), f.rdy(), f.rdx(0), f.adds(0));
  }
}
