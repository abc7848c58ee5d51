package dynaxx.cuda;

/** Elements that a thread of the elementwise kernels takes at a time: 16 bytes of every array. */
record Packs(int pack) {

  static Packs of(Launcher launcher) {
    return new Packs(16 / launcher.elementBytes());
  }

  long of(long n) {
    return Math.ceilDiv(n, (long) pack);
  }

  /** Blocks of a sum over n elements, so many for each direction. */
  int sumBlocks(long n) {
    return (int) Math.min(Launcher.blocks(of(n)), Launcher.REDUCTION_BLOCKS);
  }
}
