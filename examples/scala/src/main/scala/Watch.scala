import dynaxx.device.Devices
import dynaxx.monitor.{PhaseMonitor, StepReport}
import scala.util.Using

// Gradient descent on the loss sum a_i x_i^2 / 2 + x_i^4 / 12, watched while it runs.
val a = Array(4f, 2f, 0.5f, -1f)

def gradient(x: Array[Float], g: Array[Float]): Unit =
  for i <- x.indices do g(i) = a(i) * x(i) + x(i) * x(i) * x(i) / 3

def loss(x: Array[Float]): Double =
  x.indices.map(i => a(i) * x(i) * x(i) / 2.0 + math.pow(x(i), 4) / 12).sum

@main def watch(): Unit = Using.Manager { use =>
  val x = Array.fill(4)(0.5f)
  val g = new Array[Float](4)
  val device = use(Devices.open())
  val monitor = use(PhaseMonitor.ofGradients(x, device, gradient(_, _)).every(50).build())
  for step <- 0 to 200 do
    val snapshot = monitor.afterStep(StepReport.at(step).loss(loss(x))).snapshot()
    snapshot.ifPresent(s => println(s"$step: ${s.spectrum.min} to ${s.spectrum.max}"))
    gradient(x, g)
    for i <- x.indices do x(i) -= 0.02f * g(i)
}.get
