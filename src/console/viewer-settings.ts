/**
 * The settings of OHIF for this node (its app-config.js): one data source, ours, at the address that the page came from.
 * Nothing in it names another host. Requests are asked for in the forms that the DICOMweb door is quickest at.
 */
export function viewerSettings(dicomweb: string, path: string): string {
  const settings = {
    name: 'voxgate',
    routerBasename: path.replace(/\/$/, ''),
    extensions: [],
    modes: [],
    // A tour of the buttons would lie over the first images of every new browser.
    customizationService: [{ 'ohif.tours': { $set: [] } }],
    showStudyList: true,
    maxNumberOfWebWorkers: 3,
    showWarningMessageForCrossOrigin: false,
    showCPUFallbackMessage: true,
    showLoadingIndicator: true,
    strictZSpacingForVolumeViewport: true,
    groupEnabledModesFirst: true,
    maxNumRequests: { interaction: 100, thumbnail: 25, prefetch: 25 },
    // The status page says it, and a dialogue over the images would have to be closed at each visit.
    investigationalUseDialog: { option: 'never' },
    defaultDataSourceName: 'voxgate',
    dataSources: [
      {
        namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
        sourceName: 'voxgate',
        configuration: {
          friendlyName: 'This Voxgate node',
          name: 'voxgate',
          wadoUriRoot: `${dicomweb}/wado`,
          qidoRoot: dicomweb,
          wadoRoot: dicomweb,
          qidoSupportsIncludeField: false,
          imageRendering: 'wadors',
          thumbnailRendering: 'wadors',
          enableStudyLazyLoad: true,
          supportsFuzzyMatching: false,
          supportsWildcard: true,
          bulkDataURI: { enabled: true },
          omitQuotationForMultipartRequest: true,
          dicomUploadEnabled: true,
          singlepart: 'bulkdata,video,pdf',
        },
      },
    ],
  };
  return `window.config = ${JSON.stringify(settings, null, 2)};\n`;
}
