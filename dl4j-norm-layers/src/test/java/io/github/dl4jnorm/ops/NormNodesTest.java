// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import org.junit.jupiter.api.Test;
import org.nd4j.autodiff.functions.DifferentialFunction;
import org.nd4j.imports.converters.ImportClassMapping;
import org.slf4j.LoggerFactory;

class NormNodesTest {

    @Test
    void nodesRunHere() {
        assertThat(NormNodes.test()).isNull();
    }

    @Test
    void whereNodesDoNotRunTheyAreComposedWithAWarning() {
        Logger logger = (Logger) LoggerFactory.getLogger(NormNodes.class);
        ListAppender<ILoggingEvent> events = new ListAppender<>();
        events.start();
        logger.addAppender(events);
        try {
            assertThat(NormNodes.choose(null, "a reason")).isFalse();
            assertThat(NormNodes.choose(null, null)).isTrue();
            assertThat(NormNodes.choose("composed", null)).isFalse();
        } finally {
            logger.detachAppender(events);
        }
        assertThat(events.list).hasSize(1);
        assertThat(events.list.get(0).getLevel()).isEqualTo(Level.WARN);
        assertThat(events.list.get(0).getFormattedMessage()).contains("a reason").contains("composed");
    }

    @Test
    void thePropertyForcesNodes() {
        assertThat(NormNodes.choose("fused", null)).isTrue();
        assertThatThrownBy(() -> NormNodes.choose("fused", "a reason")).isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("-Ddl4jnorm.samediff=fused is not available: a reason");
        assertThatThrownBy(() -> NormNodes.choose("other", null)).isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("expected fused or composed");
    }

    @Test
    void registeringAgainChangesNothing() {
        SDNorm.register();
        DifferentialFunction before = ImportClassMapping.getOpNameMapping().get("dl4jnorm_group_norm_bp");
        SDNorm.register();
        assertThat(before).isInstanceOf(NormGradNode.class);
        assertThat(ImportClassMapping.getOpNameMapping().get("dl4jnorm_group_norm_bp")).isSameAs(before);
    }
}
