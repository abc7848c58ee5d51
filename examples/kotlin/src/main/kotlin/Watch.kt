import dynaxx.device.Devices
import dynaxx.monitor.PhaseMonitor
import dynaxx.monitor.StepReport

// Gradient descent on the loss sum a_i x_i^2 / 2 + x_i^4 / 12, watched while it runs.
val a = floatArrayOf(4f, 2f, 0.5f, -1f)

fun gradient(x: FloatArray, g: FloatArray) = x.indices.forEach { g[it] = a[it] * x[it] + x[it] * x[it] * x[it] / 3 }

fun loss(x: FloatArray) = x.indices.sumOf { a[it] * x[it] * x[it] / 2.0 + x[it] * x[it] * x[it] * x[it] / 12.0 }

fun main() {
  val x = FloatArray(4) { 0.5f }
  val g = FloatArray(4)
  Devices.open().use { device ->
    PhaseMonitor.ofGradients(x, device, ::gradient).every(50).build().use { monitor ->
      for (step in 0L..200L) {
        val snapshot = monitor.afterStep(StepReport.at(step).loss(loss(x))).snapshot()
        snapshot.ifPresent { println("$step: ${it.spectrum().min()} to ${it.spectrum().max()}") }
        gradient(x, g)
        x.indices.forEach { x[it] -= 0.02f * g[it] }
      }
    }
  }
}
