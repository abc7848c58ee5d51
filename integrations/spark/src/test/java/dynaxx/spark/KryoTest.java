package dynaxx.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dynaxx.operator.NonFiniteException;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.serializer.KryoSerializer;
import org.apache.spark.serializer.SerializerInstance;
import org.junit.jupiter.api.Test;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/** What is sent arrives with Kryo too, which many clusters use instead of Java's serialization. */
class KryoTest {

  private final SerializerInstance kryo = new KryoSerializer(new SparkConf()).newInstance();

  private <T> T sent(Class<T> type, T object) {
    ClassTag<T> tag = ClassTag$.MODULE$.apply(type);
    return kryo.deserialize(kryo.serialize(object, tag), tag);
  }

  private static Part part(int partition, int examples, float... values) {
    Part part = new Part(partition, "executor_a_1", examples, 17, "cpu");
    part.scalars = new double[] {values[0]};
    part.vectors = new float[][] {values};
    return part;
  }

  @Test
  void sendsExamplesPartsAndSums() {
    Examples examples = sent(Examples.class, new Examples(new float[] {1, 2}, new float[] {3}));
    assertArrayEquals(new float[] {1, 2}, examples.inputs());
    assertArrayEquals(new float[] {3}, examples.targets());

    Part refused = part(2, 1, 0);
    refused.refusal = new NonFiniteException("loss", Double.NaN);
    Part found = sent(Part.class, refused);
    assertEquals("loss: found NaN, expected a finite value", found.refusal.getMessage());
    assertEquals(17, found.checksum);

    OrderedSum first = OrderedSum.of(List.of(part(0, 3, 1, 2), part(1, 1, 5, 6)).iterator());
    OrderedSum sum =
        sent(OrderedSum.class, first)
            .add(sent(OrderedSum.class, OrderedSum.of(List.of(part(2, 4, 1, 0)).iterator())));
    assertEquals((3 * 1 + 5 + 4 * 1) / 8.0, sum.scalar(0, 8));
    assertArrayEquals(new float[] {12 / 8f, 12 / 8f}, sum.vector(0, 8));
    assertEquals(List.of(0, 1, 2), sum.parts().stream().map(p -> p.partition).toList());
  }
}
