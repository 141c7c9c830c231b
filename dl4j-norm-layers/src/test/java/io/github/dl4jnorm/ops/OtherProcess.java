// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.io.File;
import java.io.IOException;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.factory.Nd4j;

/** A program that loads a graph, writes what it predicts, trains it and saves it. It never builds a norm. */
final class OtherProcess {
    private OtherProcess() {
    }

    /**
     * Runs it.
     *
     * @param args the saved graph, where the predictions go, where the trained graph goes
     */
    public static void main(String[] args) throws IOException {
        SDNorm.register();
        SameDiff sd = SameDiff.load(new File(args[0]), true);
        Nd4j.saveBinary(TestGraph.predict(sd, TestGraph.data(24).getFeatures()), new File(args[1]));
        sd.fit(TestGraph.iterator(TestGraph.data(48), 16), 1);
        sd.save(new File(args[2]), true);
    }
}
