import { graphql } from '../../gql/index.ts'
import type { MetricSeries_AllFragment } from '../../gql/graphql.ts'

/** Everything that is measured, of a server or a node; what one of them has not is null. */
export const MetricSeriesAll = graphql(`
  fragment MetricSeries_All on MetricSeries {
    stepSeconds
    from
    to
    points {
      at
      memoryLimitBytes
      diskLimitBytes
      cpuPercent {
        minimum
        average
        maximum
      }
      loadAverage {
        minimum
        average
        maximum
      }
      memoryBytes {
        minimum
        average
        maximum
      }
      diskBytes {
        minimum
        average
        maximum
      }
      diskReadBytesPerSecond {
        minimum
        average
        maximum
      }
      diskWriteBytesPerSecond {
        minimum
        average
        maximum
      }
      networkRxBytesPerSecond {
        minimum
        average
        maximum
      }
      networkTxBytesPerSecond {
        minimum
        average
        maximum
      }
      processCount {
        minimum
        average
        maximum
      }
      containerCount {
        minimum
        average
        maximum
      }
    }
  }
`)

export type Series = MetricSeries_AllFragment
