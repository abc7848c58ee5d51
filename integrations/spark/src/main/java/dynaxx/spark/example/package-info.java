/** A program for {@code spark-submit}. */
package dynaxx.spark.example;
